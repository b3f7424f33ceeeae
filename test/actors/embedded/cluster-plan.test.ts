import { test } from 'tap';
import type { Machine } from '../../../actors/broker/broker-config.ts';
import type { ConfigError } from '../../../actors/broker/errors.ts';
import { type ClusterLayout, planCluster } from '../../../actors/embedded/cluster-plan.ts';
import type { ClusterOptionError } from '../../../actors/embedded/errors.ts';

const machine: Machine = { cores: 4, hosts: [], currentDirectory: '/srv' };
const plan = (options: ClusterLayout) => planCluster(options, '/data', machine);

test('planCluster makes one name server and one broker on free ports of the loopback when nothing is said', async (t) => {
  const { nodes, warnings } = plan({});
  t.same(
    nodes.map(({ name, kind, config }) => [name, kind, config.shards, config.storePath]),
    [
      ['name-server-0', 'name-server', 1, '/data'],
      ['broker-a', 'broker', 1, '/data/broker-a'],
    ],
  );
  t.equal(nodes[0]!.config.nameServerPort, 0);
  t.equal(nodes[1]!.config.listenPort, 0);
  t.equal(nodes[1]!.config.bindHost, '127.0.0.1');
  t.equal(nodes[1]!.config.vipPortEnable, false, 'nobody asked for two ports more');
  t.same(nodes[1]!.config.registerAddresses, [], 'the own name servers are added when their ports are known');
  t.same(warnings, []);
});

test('planCluster gives each broker a name, a port and a directory of its own', async (t) => {
  const { nodes } = plan({
    nameServers: 2,
    brokers: 3,
    shards: 2,
    brokerPorts: [1, 2, 3],
    nameServerPorts: [8, 9],
    config: { brokerClusterName: 'C' },
  });
  t.same(
    nodes.map(({ name, config }) => [name, config.listenPort, config.nameServerPort, config.shards, config.brokerClusterName]),
    [
      ['name-server-0', 10911, 8, 1, 'C'],
      ['name-server-1', 10911, 9, 1, 'C'],
      ['broker-a', 1, 9876, 2, 'C'],
      ['broker-b', 2, 9876, 2, 'C'],
      ['broker-c', 3, 9876, 2, 'C'],
    ],
  );
  t.equal(nodes[4]!.config.storePath, '/data/broker-c');
});

test('planCluster registers with the name servers that are given when it has none of its own', async (t) => {
  const { nodes } = plan({ nameServers: 0, config: { namesrvAddr: '10.0.0.1:9876;10.0.0.2:9876', brokerName: 'mine' } });
  t.equal(nodes.length, 1);
  t.equal(nodes[0]!.name, 'mine');
  t.same(nodes[0]!.config.registerAddresses, ['10.0.0.1:9876', '10.0.0.2:9876']);
});

test('planCluster names a setting that has no effect', async (t) => {
  t.match(plan({ config: { brokerNam: 'x' } }).warnings, [/brokerNam .*did you mean brokerName/], 'once, whatever the number of nodes');
});

for (const [options, option] of [
  [{ brokers: -1 }, 'brokers'],
  [{ brokers: 9 }, 'brokers'],
  [{ brokers: 1.5 }, 'brokers'],
  [{ brokers: '1' as unknown as number }, 'brokers'],
  [{ nameServers: 0, brokers: 0 }, 'brokers'],
  [{ nameServers: 0 }, 'nameServers'],
  [{ shards: 0 }, 'shards'],
  [{ store: '' }, 'store'],
  [{ store: 7 as unknown as string }, 'store'],
  [{ brokerPorts: [1, 2] }, 'brokerPorts'],
  [{ brokerPorts: [70_000] }, 'brokerPorts'],
  [{ nameServerPorts: [] }, 'nameServerPorts'],
  [{ config: { listenPort: 1 } }, 'config.listenPort'],
  [{ config: { storePathRootDir: '/x' } }, 'config.storePathRootDir'],
  [{ brokers: 2, config: { brokerName: 'x' } }, 'config.brokerName'],
  [{ config: { maxMessageSize: {} as unknown as number } }, 'config.maxMessageSize'],
  [{ broker: 1 } as ClusterLayout, 'broker'],
] as [ClusterLayout, string][]) {
  test(`planCluster refuses ${JSON.stringify(options)}`, async (t) => {
    t.throws(() => plan(options), { code: 'MQ_CLUSTER_OPTION', option } as unknown as ClusterOptionError);
  });
}

test('planCluster refuses a setting outside its range with key, value and range', async (t) => {
  t.throws(() => plan({ config: { maxMessageSize: 'many' } }), {
    code: 'MQ_CONFIG_VALUE',
    key: 'maxMessageSize',
  } as unknown as ConfigError);
});
