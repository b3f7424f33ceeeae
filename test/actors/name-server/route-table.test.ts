import { test } from 'tap';
import type { BrokerRegistration } from '../../../actors/name-server/broker-registration.ts';
import { DEFAULT_ROUTE_LIMITS, RouteTable, wipeWritePerm } from '../../../actors/name-server/route-table.ts';

let serial = 0;

function broker(change: Partial<BrokerRegistration> = {}): BrokerRegistration {
  serial++;
  return {
    clusterName: 'C',
    brokerName: 'a',
    brokerAddr: '10.0.0.1:1',
    brokerId: 0,
    haServerAddr: '10.0.0.1:2',
    heartbeatTimeoutMs: 120_000,
    enableActingMaster: false,
    listeners: '',
    zoneName: '',
    version: { stateVersion: 0, timestamp: 100, counter: 1 },
    topicCount: 2,
    shard: 0,
    connection: 1,
    serial,
    ...change,
  };
}

function topic(topicName: string, queues = 4, perm = 6) {
  return { topicName, readQueueNums: queues, writeQueueNums: queues, perm, topicSysFlag: 0 };
}

const at = (now: number) => ({ now, monotonicMs: now });
const version = (timestamp: number, counter: number, stateVersion = 0) => ({ stateVersion, timestamp, counter });

test('RouteTable gives the route of what a broker registered', async (t) => {
  const table = new RouteTable();
  t.same(table.register(broker(), [topic('T'), topic('U')], at(1000)), { ok: true, isNew: true, masterAddr: '', haServerAddr: '' });
  const route = table.route('T')!;
  t.same(route.queues, [{ brokerName: 'a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 }]);
  t.same([...route.brokers[0]!.addresses], [[0, '10.0.0.1:1']]);
  t.equal(table.route('Nope'), undefined);
  t.same(table.topicNames(''), ['T', 'U']);
  t.same(table.topicNames('C'), ['T', 'U']);
  t.same(table.topicNames('D'), []);
});

test('RouteTable joins brokers in one route and parts them again', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  table.register(broker({ brokerName: 'b', brokerAddr: '10.0.0.2:1', connection: 2 }), [topic('T', 12)], at(0));
  t.same(
    table.route('T')!.queues.map((queue) => queue.writeQueueNums),
    [4, 12],
  );
  t.equal(table.connectionClosed({ shard: 0, connection: 2 }).length, 1);
  t.same(
    table.route('T')!.brokers.map((one) => one.brokerName),
    ['a'],
  );
  table.unregister('C', 'a', '10.0.0.1:1');
  t.equal(table.route('T'), undefined);
  t.same([...table.clusters()], []);
  t.equal(table.topicCount, 0);
});

test('RouteTable tells a slave of its master, and takes no topics from it', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  const slave = broker({ brokerAddr: '10.0.0.9:1', brokerId: 1, connection: 2 });
  t.same(table.register(slave, [topic('T', 1), topic('S')], at(0)), {
    ok: true,
    isNew: true,
    masterAddr: '10.0.0.1:1',
    haServerAddr: '10.0.0.1:2',
  });
  t.equal(table.route('S'), undefined);
  t.equal(table.route('T')!.queues[0]!.writeQueueNums, 4);
  table.connectionClosed({ shard: 0, connection: 1 });
  t.same([...table.route('T')!.brokers[0]!.addresses], [[1, '10.0.0.9:1']], 'readers still find the slave');
  table.register(broker({ brokerAddr: '10.0.0.9:1', brokerId: 0, connection: 2, version: version(5, 5) }), [topic('T'), topic('S')], at(0));
  t.same([...table.route('T')!.brokers[0]!.addresses], [[0, '10.0.0.9:1']], 'one address has one id');
});

test('RouteTable forbids writes when only an acting slave is left', async (t) => {
  const table = new RouteTable();
  table.register(broker({ enableActingMaster: true }), [topic('T')], at(0));
  table.register(broker({ enableActingMaster: true, brokerAddr: '10.0.0.9:1', brokerId: 1, connection: 2 }), [topic('T')], at(0));
  table.connectionClosed({ shard: 0, connection: 1 });
  t.equal(table.route('T')!.queues[0]!.perm, 4);
});

test('RouteTable changes topics with their version only, but adds what is missing', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  t.equal(table.changePerm('a', wipeWritePerm), 1);
  table.register(broker(), [topic('T'), topic('U')], at(1));
  t.equal(table.route('T')!.queues[0]!.perm, 4, 'the same version keeps the wiped permission');
  t.equal(table.route('U')!.queues[0]!.perm, 6);
  table.register(broker({ version: version(200, 2) }), [topic('T')], at(2));
  t.equal(table.route('T')!.queues[0]!.perm, 6);
  t.ok(table.route('U'), 'an increment brings changed topics only: what it lacks stays');
});

test('RouteTable takes all parts of one registration as it takes the first', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T', 4), topic('U', 4)], at(0));
  const next = broker({ version: version(200, 2) });
  table.register(next, [topic('T', 8)], at(1));
  table.register(next, [topic('U', 8)], at(1));
  t.equal(table.route('U')!.queues[0]!.writeQueueNums, 8);
});

test('RouteTable evicts the silent, those of other shards later', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  table.register(broker({ brokerName: 'b', brokerAddr: 'b:1', shard: 1 }), [topic('T')], at(0));
  table.register(broker({ brokerName: 'c', brokerAddr: 'c:1', heartbeatTimeoutMs: 10_000 }), [topic('T')], at(0));
  t.same(table.expire(10_000, 0, 30_000), []);
  t.same(
    table.expire(10_001, 0, 30_000).map((gone) => gone.brokerName),
    ['c'],
  );
  t.ok(table.touch('C', '10.0.0.1:1', 100_000));
  t.notOk(table.touch('C', 'x:1', 100_000));
  t.same(table.expire(121_000, 0, 30_000), [], 'b is for shard 1 to judge');
  t.same(
    table.expire(150_001, 0, 30_000).map((gone) => gone.brokerName),
    ['b'],
  );
  t.same(
    table.expire(220_001, 0, 30_000).map((gone) => gone.brokerName),
    ['a'],
  );
  t.equal(table.brokerCount, 0);
});

test('RouteTable drops by place: a broker that came back by another connection stays', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  table.register(broker({ connection: 7 }), [topic('T')], at(1));
  t.same(table.connectionClosed({ shard: 0, connection: 1 }), [], 'the late closing of the former connection');
  t.notOk(table.evict('C', '10.0.0.1:1', { shard: 0, connection: 1 }));
  t.ok(table.route('T'));
  t.ok(table.evict('C', '10.0.0.1:1', { shard: 0, connection: 7 }));
  table.register(broker({ shard: 2 }), [topic('T')], at(1));
  t.equal(table.shardDied(2).length, 1);
  t.equal(table.route('T'), undefined);
});

test('RouteTable lets deletion win over a registration under way, and a new topic over the deletion', async (t) => {
  const table = new RouteTable();
  table.register(broker({ version: version(100, 1) }), [topic('T'), topic('U')], at(150));
  table.deleteTopic('T', '', 1_000);
  t.equal(table.route('T'), undefined);
  table.register(broker({ version: version(100, 1) }), [topic('T'), topic('U')], at(1_001));
  t.equal(table.route('T'), undefined, 'composed before: the version that was known');
  table.register(broker({ version: version(900, 2) }), [topic('T'), topic('U')], at(1_002));
  t.equal(table.route('T'), undefined, 'composed before: a version that is older than the deletion');
  table.register(broker({ version: version(1_500, 3) }), [topic('T')], at(1_600));
  t.ok(table.route('T'), 'made anew after the deletion');

  table.deleteTopic('U', '', 2_000);
  table.register(broker({ version: version(1_500, 3) }), [topic('T'), topic('U')], at(61_999));
  t.equal(table.route('U'), undefined);
  table.register(broker({ version: version(1_500, 3) }), [topic('T'), topic('U')], at(62_000));
  t.ok(table.route('U'), 'after a minute it was no deletion at the broker, as Java takes it');
});

test('RouteTable deletes on the brokers of one cluster', async (t) => {
  const table = new RouteTable();
  table.register(broker(), [topic('T')], at(0));
  table.register(broker({ clusterName: 'D', brokerName: 'd', brokerAddr: 'd:1' }), [topic('T')], at(0));
  table.deleteTopic('T', 'D', 10);
  t.same(
    table.route('T')!.queues.map((queue) => queue.brokerName),
    ['a'],
  );
});

test('RouteTable refuses what exceeds it, and says what', async (t) => {
  const table = new RouteTable({ ...DEFAULT_ROUTE_LIMITS, brokersMax: 1, topicsMax: 2 });
  t.match(table.register(broker(), [topic('T'), topic('U'), topic('V')], at(0)), { ok: false, code: 1, remark: /limit is 2/ });
  t.match(table.register(broker({ brokerName: 'b', brokerAddr: 'b:1' }), [], at(0)), { ok: false, code: 1, remark: /limit is 1/ });
  t.ok(table.register(broker(), [topic('T')], at(0)).ok, 'who is known may register again');
  t.match(new RouteTable().register(broker({ topicCount: 1 }), [topic('T')], at(0)), { ok: false, remark: /register all topics/ });
  const states = new RouteTable();
  states.register(broker({ version: version(1, 1, 5) }), [topic('T')], at(0));
  t.match(states.register(broker({ brokerAddr: 'other:1', version: version(9, 9, 4) }), [topic('T')], at(0)), {
    ok: false,
    remark: /stateVersion 5 is larger/,
  });
  t.ok(states.register(broker({ brokerAddr: 'other:1', version: version(9, 9, 6) }), [topic('T')], at(0)).ok);
  t.same([...states.route('T')!.brokers[0]!.addresses], [[0, 'other:1']]);
});
