import { test } from 'tap';
import { DEFAULT_GROUP_LIMITS } from '../../../actors/consumer-group/group-limits.ts';
import {
  applyMemberEvent,
  emptyMembership,
  type MemberEvent,
  type MemberHeartbeat,
  nextExpiryMs,
} from '../../../actors/consumer-group/members.ts';
import { subscription } from './group-world.ts';

const { membersMax: MEMBERS_MAX, memberExpiryMs: MEMBER_EXPIRY_MS } = DEFAULT_GROUP_LIMITS;

function beat(connection: number, more: Partial<MemberHeartbeat> & { clientId?: string; shard?: number } = {}): MemberHeartbeat {
  const { clientId = `c${connection}`, shard = 0, ...rest } = more;
  return {
    kind: 'heartbeat',
    member: { clientId, shard, connection, address: 'a', language: 'JAVA', version: 1 },
    habits: { consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' },
    subscriptions: [subscription('T', 5)],
    fingerprint: 0,
    withoutSub: false,
    ...rest,
  };
}

type Case = { title: string; before: MemberEvent[]; event: MemberEvent; expected: Record<string, unknown> };

const broadcasting = { consumeType: 'CONSUME_PASSIVELY', messageModel: 'BROADCASTING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' };

const cases: Case[] = [
  {
    title: 'a first member',
    before: [],
    event: beat(1),
    expected: { joined: [{ clientId: 'c1' }], changedSubscriptions: true, mustNotify: true },
  },
  {
    title: 'the same again',
    before: [beat(1)],
    event: beat(1),
    expected: { joined: [], left: [], changedSubscriptions: false, mustNotify: false },
  },
  {
    title: 'a second member',
    before: [beat(1)],
    event: beat(2),
    expected: { joined: [{ clientId: 'c2' }], changedSubscriptions: false, mustNotify: true },
  },
  {
    title: 'a second connection of one client',
    before: [beat(1)],
    event: beat(2, { clientId: 'c1' }),
    expected: { joined: [{ connection: 2 }], mustNotify: true },
  },
  {
    title: 'another client over a known connection',
    before: [beat(1)],
    event: beat(1, { clientId: 'x' }),
    expected: { joined: [{ clientId: 'x' }], left: [{ clientId: 'c1' }], gone: ['c1'], mustNotify: true },
  },
  {
    title: 'a newer version of a subscription',
    before: [beat(1)],
    event: beat(1, { subscriptions: [subscription('T', 6)] }),
    expected: { changedSubscriptions: true, mustNotify: true },
  },
  {
    title: 'an older version of a subscription',
    before: [beat(1)],
    event: beat(1, { subscriptions: [subscription('T', 4, 'A')] }),
    expected: { changedSubscriptions: false, mustNotify: false },
  },
  {
    title: 'one topic more',
    before: [beat(1)],
    event: beat(1, { subscriptions: [subscription('T', 5), subscription('U', 5)] }),
    expected: { changedSubscriptions: true, mustNotify: true },
  },
  {
    title: 'a topic less',
    before: [beat(1)],
    event: beat(1, { subscriptions: [] }),
    expected: { changedSubscriptions: true, mustNotify: true },
  },
  {
    title: 'other habits',
    before: [beat(1)],
    event: beat(1, { habits: broadcasting }),
    expected: { changedSubscriptions: true, mustNotify: false },
  },
  {
    title: 'V2: a known fingerprint without subscriptions',
    before: [beat(1, { fingerprint: 7 })],
    event: beat(1, { fingerprint: 7, withoutSub: true, subscriptions: [] }),
    expected: { changedSubscriptions: false, wantsFull: false },
  },
  {
    title: 'V2: an unknown fingerprint without subscriptions',
    before: [beat(1, { fingerprint: 7 })],
    event: beat(1, { fingerprint: 8, withoutSub: true, subscriptions: [] }),
    expected: { changedSubscriptions: false, wantsFull: true },
  },
  {
    title: 'V2: no subscriptions and nothing known of them',
    before: [],
    event: beat(1, { fingerprint: 8, withoutSub: true, subscriptions: [] }),
    expected: { joined: [{ clientId: 'c1' }], wantsFull: true },
  },
  {
    title: 'V2: another fingerprint, in full',
    before: [beat(1, { fingerprint: 7 })],
    event: beat(2, { fingerprint: 8 }),
    expected: { wantsFull: true, mustNotify: true },
  },
  {
    title: 'a closed connection',
    before: [beat(1), beat(2)],
    event: { kind: 'connection-gone', shard: 0, connection: 1 },
    expected: { left: [{ clientId: 'c1' }], gone: ['c1'], changedSubscriptions: false, mustNotify: true },
  },
  {
    title: 'one of two connections of a client',
    before: [beat(1), beat(2, { clientId: 'c1' })],
    event: { kind: 'connection-gone', shard: 0, connection: 1 },
    expected: { left: [{ connection: 1 }], gone: [], mustNotify: true },
  },
  {
    title: 'the last member',
    before: [beat(1)],
    event: { kind: 'connection-gone', shard: 0, connection: 1 },
    expected: { left: [{ clientId: 'c1' }], changedSubscriptions: true },
  },
  {
    title: 'a connection of the same number on another shard',
    before: [beat(1)],
    event: { kind: 'connection-gone', shard: 1, connection: 1 },
    expected: { left: [], mustNotify: false },
  },
  {
    title: 'a shard that died',
    before: [beat(1), beat(1, { shard: 1, clientId: 'other' }), beat(2, { shard: 1 })],
    event: { kind: 'shard-gone', shard: 1 },
    expected: { left: [{ clientId: 'other' }, { clientId: 'c2' }], gone: ['other', 'c2'] },
  },
];

for (const { title, before, event, expected } of cases) {
  test(`applyMemberEvent: ${title}`, async (t) => {
    const state = emptyMembership();
    for (const earlier of before) applyMemberEvent(state, earlier, 0);
    const effects = applyMemberEvent(state, event, 1);
    for (const [name, value] of Object.entries(expected)) {
      const actual = effects[name as keyof typeof effects];
      t.match(actual, value, name);
      if (Array.isArray(value)) t.equal((actual as unknown[]).length, value.length, `as many ${name}`);
    }
  });
}

test('applyMemberEvent expires at 120 s, neither before nor for those who speak', async (t) => {
  const state = emptyMembership();
  applyMemberEvent(state, beat(1), 0);
  applyMemberEvent(state, beat(2), 1_000);
  t.equal(nextExpiryMs(state), MEMBER_EXPIRY_MS);
  t.same(applyMemberEvent(state, { kind: 'scan' }, MEMBER_EXPIRY_MS - 1).left, []);
  t.match(applyMemberEvent(state, { kind: 'scan' }, MEMBER_EXPIRY_MS).left, [{ clientId: 'c1' }]);
  t.equal(nextExpiryMs(state), MEMBER_EXPIRY_MS + 1_000);
});

test('applyMemberEvent refuses a member too many and changes nothing', async (t) => {
  const state = emptyMembership();
  for (let connection = 0; connection < MEMBERS_MAX; connection++) applyMemberEvent(state, beat(connection), 0);
  t.match(applyMemberEvent(state, beat(MEMBERS_MAX), 0), { refusal: { code: 1, remark: /at most 20000 allowed/ }, joined: [] });
  t.equal(state.seen.size, MEMBERS_MAX);
  t.equal(applyMemberEvent(state, beat(0), 1).refusal, null, 'those who are in stay in');
});
