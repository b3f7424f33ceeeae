/** The small decisions beside the group actors: offsets, locks, rounds of notices, copies, files. */
import fc from 'fast-check';
import { test } from 'tap';
import { CommittedOffsets } from '../../../actors/consumer-group/committed-offsets.ts';
import { decideCommit, decideQueryOffset, NOT_FOUND } from '../../../actors/consumer-group/decide-offset.ts';
import {
  defaultGroupConfig,
  groupConfigJson,
  groupConfigOf,
  groupNameRefusal,
  sameGroupConfig,
} from '../../../actors/consumer-group/group-config.ts';
import { groupsBody, groupsText, parseGroupsFile } from '../../../actors/consumer-group/groups-json.ts';
import { LockTable } from '../../../actors/consumer-group/lock-table.ts';
import { NoticeRound } from '../../../actors/consumer-group/notice-round.ts';
import { OffsetTable } from '../../../actors/consumer-group/offset-table.ts';
import { CLIENT_LOCK_LIFE_MS, GRACE_MS, LOCK_LIFE_MS, QueueLocks, SAVE_AGAIN_MS } from '../../../actors/consumer-group/queue-locks.ts';
import { ShardCopies } from '../../../actors/consumer-group/shard-copies.ts';

test('decideQueryOffset', async (t) => {
  // stored, minimum, zero if not found → offset
  const table: [number, number, boolean, number][] = [
    [7, 0, true, 7],
    [7, 9, true, 7],
    [0, 9, true, 0],
    [0, 0, false, 0],
    [-1, 0, true, 0],
    [-1, 0, false, NOT_FOUND],
    [-1, 9, true, NOT_FOUND],
    [-1, 9, false, NOT_FOUND],
  ];
  for (const [stored, min, zero, expected] of table) t.equal(decideQueryOffset(stored, min, zero), expected, `${stored} ${min} ${zero}`);
});

test('decideCommit', async (t) => {
  t.equal(decideCommit('T', 0, -1, 10), 'ignore');
  t.equal(decideCommit('T', 0, 0, 10), 'store');
  t.equal(decideCommit('T', 0, 10, 10), 'store');
  t.match(decideCommit('T', 0, 11, 10), { code: 29, remark: /11.*10.*queue 0 of topic T.*at most 10/ });
  t.match(decideCommit('T', 0, 1, 0), { code: 29 }, 'an unknown queue ends at 0');
});

test('CommittedOffsets takes every change once, and again after a flight that was lost', async (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('commit' as const), topic: fc.constantFrom('a', 'b'), queueId: fc.nat(3), offset: fc.nat(9) }),
          fc.record({ kind: fc.constantFrom('take' as const, 'confirm' as const, 'retry' as const) }),
        ),
        { maxLength: 60 },
      ),
      (steps) => {
        const offsets = new CommittedOffsets();
        const model = new Map<string, number>();
        const disk = new Map<string, number>();
        let flying = new Map<string, number>();
        const take = (): void => {
          for (const { topics, queueIds, offsets: values } of offsets.takeDirty(2)) {
            for (const [index, topic] of topics.entries()) flying.set(`${topic}/${queueIds[index]}`, values[index]!);
          }
        };
        const confirm = (): void => {
          for (const [key, value] of flying) disk.set(key, value);
          flying = new Map();
          offsets.confirm();
        };
        for (const step of steps) {
          if (step.kind === 'commit') {
            offsets.commit(step.topic, step.queueId, step.offset);
            model.set(`${step.topic}/${step.queueId}`, step.offset);
          } else if (step.kind === 'take') take();
          else if (step.kind === 'confirm') confirm();
          else {
            offsets.retry();
            flying = new Map();
          }
        }
        take();
        confirm();
        for (const [key, value] of model) if (disk.get(key) !== value) return false;
        return !offsets.isDirty;
      },
    ),
    { seed: 1, numRuns: 300 },
  );
  t.pass('as the model');
});

test('CommittedOffsets.load does not overwrite what came since', async (t) => {
  const offsets = new CommittedOffsets();
  offsets.commit('T', 0, 9);
  offsets.load({ topics: ['T', 'T'], queueIds: [0, 1], offsets: [5, 6] }, true);
  t.same([offsets.get('T', 0), offsets.get('T', 1), offsets.get('T', 2), offsets.count], [9, 6, -1, 2]);
});

test('QueueLocks', async (t) => {
  const locks = new QueueLocks();
  t.equal(locks.lock('T', 0, 'a', 1, 0), 'new');
  t.equal(locks.lock('T', 0, 'b', 2, LOCK_LIFE_MS - 1), 'refused', 'somebody else has it');
  t.equal(locks.lock('T', 0, 'a', 1, LOCK_LIFE_MS - 1), 'new', 'its owner renews it, and it is not on disk yet');
  locks.saved({ topics: ['T'], queueIds: [0] }, 'b', LOCK_LIFE_MS);
  t.equal(locks.lock('T', 0, 'a', 1, LOCK_LIFE_MS), 'new', 'what another had saved is not this one’s');
  locks.saved({ topics: ['T'], queueIds: [0] }, 'a', LOCK_LIFE_MS);
  t.equal(locks.lock('T', 0, 'a', 1, LOCK_LIFE_MS), 'held');
  t.equal(locks.lock('T', 0, 'b', 2, LOCK_LIFE_MS + 1), 'refused');
  t.equal(locks.lock('T', 0, 'b', 2, 2 * LOCK_LIFE_MS), 'new', 'it was left for 60 s');
  locks.unlock('T', 0, 'a');
  t.ok(locks.isHeld('T', 0, 2 * LOCK_LIFE_MS), 'only its owner gives it back');
  locks.unlock('T', 0, 'b');
  t.equal(locks.count, 0);
  t.same(locks.takeFreed(), { topics: ['T'], queueIds: [0] });
  t.same([...locks.takeMayAskAgain()], [], 'a lock that ran out was taken by the one who wanted it');
  t.notOk(locks.hasFreed);
  locks.lock('T', 1, 'a', 1, 0);
  locks.lock('U', 1, 'a', 1, 0);
  locks.lock('U', 2, 'b', 2, 0);
  locks.release('a');
  t.equal(locks.count, 1);
  locks.lock('T', 1, 'b', 2, 0);
  t.same(locks.takeFreed(), { topics: ['U'], queueIds: [1] }, 'what is locked again is not free on disk');
  locks.releaseConnection(2);
  t.equal(locks.count, 0, 'a lock goes with the connection that renewed it last');
  locks.lock('U', 2, 'b', 2, 0);
  locks.expire(LOCK_LIFE_MS);
  t.equal(locks.count, 0);
  t.same([...locks.takeMayAskAgain()], [], 'nobody was refused since the last was freed');
  locks.lock('V', 0, 'a', 1, 0);
  locks.lock('V', 1, 'a', 1, 0);
  locks.lock('V', 0, 'b', 2, 0);
  locks.lock('V', 1, 'b', 2, 0);
  locks.release('a');
  t.same([...locks.takeMayAskAgain()], [2], 'who was refused may ask again, and is told once');
  t.same([...locks.takeMayAskAgain()], []);
  locks.restore('T', 0, 'a', 0, 1_000);
  for (let at = 9_000; at < 40_000; at += 9_000) locks.signOfQueue('T', 0, at);
  t.equal(locks.lock('T', 0, 'b', 2, 1_000 + CLIENT_LOCK_LIFE_MS - 1), 'refused', 'its owner may have renewed it just before the restart');
  t.equal(locks.lock('T', 0, 'b', 2, 1_000 + CLIENT_LOCK_LIFE_MS), 'new', 'by now it has given it up itself');
  locks.restore('T', 1, 'a', CLIENT_LOCK_LIFE_MS, 1_000);
  t.notOk(locks.isHeld('T', 1, 1_000), 'the restart was so long ago');
  locks.restore('T', 2, 'a', 0, 0);
  t.equal(locks.lock('T', 2, 'a', 1, 10), 'held', 'a lock that was read is on disk');
  t.equal(locks.lock('T', 2, 'a', 1, SAVE_AGAIN_MS), 'new', 'and is saved again after a while');
  for (const queueId of [0, 1, 2]) locks.restore('R', queueId, 'a', 0, 0);
  locks.signOfQueue('R', 1, 9_000);
  t.ok(locks.silentUntil <= GRACE_MS, 'the first that ends');
  locks.lock('R', 2, 'a', 1, 1);
  for (const queueId of [0, 1, 2]) t.equal(locks.lock('R', queueId, 'b', 2, GRACE_MS - 1), 'refused', 'its owner may still come back');
  locks.expire(GRACE_MS);
  t.same([...locks.takeMayAskAgain()], [2], 'who waits for one is told');
  t.equal(locks.lock('R', 0, 'b', 2, GRACE_MS), 'new', 'no sign of its owner');
  t.equal(locks.lock('R', 1, 'b', 2, GRACE_MS), 'refused', 'somebody consumes it');
  t.equal(locks.lock('R', 2, 'b', 2, GRACE_MS), 'refused', 'renewed');
  t.equal(locks.lock('R', 1, 'b', 2, 9_000 + GRACE_MS - 1), 'refused');
  t.equal(locks.lock('R', 1, 'b', 2, 9_000 + GRACE_MS), 'new', 'but no longer');
});

test('LockTable gives what it was given, in pages, through its text', async (t) => {
  const table = new LockTable();
  for (let queueId = 0; queueId < 5; queueId++) table.put('G', queueId % 2 === 0 ? 'T' : 'U', queueId, `c${queueId}`);
  table.put('H', 'T', 0, 'other');
  table.put('H', 'T', 0, 'later');
  t.equal(table.size, 6);
  const copy = new LockTable();
  copy.load(JSON.parse(table.text()));
  const first = copy.page('G', 0, 3);
  const second = copy.page('G', first.next, 3);
  t.same([...first.columns.clientIds, ...second.columns.clientIds].sort(), ['c0', 'c1', 'c2', 'c3', 'c4']);
  t.equal(second.next, -1);
  t.same(copy.page('H', 0, 3).columns, { topics: ['T'], queueIds: [0], clientIds: ['later'] });
  t.ok(copy.free('G', { topics: ['T', 'nothing'], queueIds: [0, 7] }));
  t.notOk(copy.free('G', { topics: ['T'], queueIds: [0] }), 'it is free already');
  t.ok(copy.drop('H'));
  t.equal(copy.size, 4);
  const odd = new LockTable();
  for (const wrong of [null, [], 'x', { lockTable: 7 }, { lockTable: { G: { T: { '-1': 'c', x: 'c', 1: 5, 2: '' } } } }]) odd.load(wrong);
  t.equal(odd.size, 0, 'what is no lock is passed over');
});

test('NoticeRound tells a small group of every change at once, a large one in rounds', async (t) => {
  const small = new NoticeRound();
  const told: number[] = [];
  const tell = (key: number): boolean => told.push(key) > 0;
  t.equal(small.request([1, 2, 3], 3, 2, 0), 0);
  t.equal(small.run([1, 2, 3], 3, 0, tell), -1);
  t.same(told, [1, 3]);
  t.equal(small.request([1, 2, 3], 3, 1, 0), 0, 'and the next in the same millisecond');

  const large = new NoticeRound();
  const keys = Array.from({ length: 6_400 }, (_, index) => index);
  told.length = 0;
  t.equal(large.request(keys, keys.length, -1, 0), 0);
  let wait = 0;
  for (let turns = 0; wait >= 0 && turns < 100; turns++) {
    wait = large.run(keys, keys.length, 1, tell);
    if (turns === 3) t.equal(large.request(keys, keys.length, 5, 1), -1, 'a change meanwhile waits for the next round');
    if (wait > 1) break;
  }
  t.equal(told.length, keys.length);
  t.equal(wait, 59, 'which begins 60 ms after the first');
  t.equal(
    large.run(keys, keys.length, 60, () => false),
    5,
    'without room it tries again',
  );
});

test('ShardCopies', async (t) => {
  const copies = new ShardCopies(['a', 'b'], 10);
  t.ok(copies.isEverywhere(10));
  const revision = copies.next();
  t.equal(revision, 11);
  t.notOk(copies.isEverywhere(11));
  copies.acked('a', 11);
  t.notOk(copies.isEverywhere(11));
  copies.lost('b');
  t.ok(copies.isEverywhere(11), 'nobody waits for the dead');
  t.same([...copies.current()], ['a']);
  t.same([...copies.due(0)], ['b']);
  copies.sentWhole('b', 12, 0);
  t.same([...copies.due(999)], []);
  t.same([...copies.due(1_000)], ['b'], 'it did not confirm');
  t.ok(copies.acked('b', 12), 'it is back');
  t.ok(copies.isAllGood);
  copies.refused('a');
  t.notOk(copies.isAllGood);
});

test('OffsetTable reads what Java and we write, and writes it again', async (t) => {
  const table = new OffsetTable();
  table.load({
    dataVersion: { counter: 3, stateVersion: 1, timestamp: 5 },
    offsetTable: { 'T@G': { 0: 5, 1: '7', 2: -1 }, '%RETRY%G@G': { 0: 1 } },
  });
  t.same([table.get('G', 'T', 0), table.get('G', 'T', 1), table.get('G', 'T', 2), table.get('G', '%RETRY%G', 0)], [5, 7, -1, 1]);
  table.put('H', 'T', 0, 2);
  const parsed = JSON.parse(table.text(99));
  t.same(parsed.dataVersion, { counter: 4, stateVersion: 1, timestamp: 99 });
  t.same(parsed.offsetTable, { 'T@G': { 0: 5, 1: 7 }, '%RETRY%G@G': { 0: 1 }, 'T@H': { 0: 2 } });
  t.same(table.groupsOf('T'), ['G', 'H']);
  table.dropTopic('H', 'T');
  t.same([...table.groups()], ['G']);
  for (const bad of [
    5,
    [],
    { offsetTable: 5 },
    { offsetTable: { T: {} } },
    { offsetTable: { 'T@G': { 0: 'x' } } },
    { offsetTable: { 'T@G': { 0: 2 ** 60 } } },
  ]) {
    t.throws(() => new OffsetTable().load(bad), { code: 'MQ_GROUP_BAD_OFFSETS' });
  }
});

test('group files keep what Java wrote, the members that we do not use included', async (t) => {
  const file = parseGroupsFile({
    dataVersion: { counter: 1, stateVersion: 0, timestamp: 2 },
    forbiddenTable: { G: { T: 4 } },
    subscriptionGroupTable: {
      G: {
        groupName: 'G',
        retryMaxTimes: 3,
        attributes: { a: 'b' },
        groupRetryPolicy: { type: 'EXPONENTIAL', exponentialRetryPolicy: { initial: 5000, max: 7200000, multiplier: 2 } },
      },
      old: { groupName: 'old', consumeEnable: 'false', retryQueueNums: '2' },
    },
  });
  const again = parseGroupsFile(
    JSON.parse(
      groupsText(
        file.version,
        file.forbidden,
        file.groups.map((one) => [one.groupName, groupConfigJson(one)]),
      ),
    ),
  );
  t.same(again, file);
  const body = JSON.parse(groupsBody(file.version, file.forbidden, file.groups));
  t.equal(body.subscriptionGroupTable.G.groupRetryPolicy.type, 'EXPONENTIAL');
  t.match(body.subscriptionGroupTable.old, { consumeEnable: false, retryQueueNums: 2, retryMaxTimes: 16 });
  t.same(body.forbiddenTable, { G: { T: 4 } });
  t.throws(() => parseGroupsFile({ subscriptionGroupTable: [] }), { code: 'MQ_GROUP_BAD_TABLE' });
});

test('groupConfigJson has the members of Java in their order', async (t) => {
  t.equal(
    groupConfigJson(defaultGroupConfig('G')),
    '{"attributes":{},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,"consumeMessageOrderly":false,' +
      '"consumeTimeoutMinute":15,"groupName":"G","groupRetryPolicy":{"type":"CUSTOMIZED"},"groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,' +
      '"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}',
  );
  t.ok(sameGroupConfig(groupConfigOf(JSON.parse(groupConfigJson(defaultGroupConfig('G')))), defaultGroupConfig('G')));
  t.throws(() => groupConfigOf({}), { code: 'MQ_PROTOCOL_BAD_BODY', message: /groupName/ });
  const odd = groupConfigOf({ groupName: 'G', attributes: JSON.parse('{"__proto__":"x"}') });
  t.equal(Object.getPrototypeOf(odd.attributes), Object.prototype, 'nothing reaches what objects inherit');
});

test('groupNameRefusal', async (t) => {
  for (const good of ['G', '%RETRY%x', 'a|b-c_D9', 'x'.repeat(248)]) t.equal(groupNameRefusal(good), null, good.slice(0, 20));
  for (const bad of ['', ' ', 'a b', 'ä', 'a@b', 'a/b', 'x'.repeat(249)]) t.equal(groupNameRefusal(bad)?.code, 29, bad.slice(0, 20));
});
