import { test } from 'tap';
import { type LinkEffect, NameServerLink } from '../../../actors/registration/name-server-link.ts';
import { plainTopic, type TopicConfig } from '../../../actors/topic/topic-config.ts';

function link(count = 3) {
  const topics = new Map<string, TopicConfig>();
  for (let index = 0; index < count; index++) topics.set(`T${index}`, plainTopic(`T${index}`, 4));
  const source = {
    version: { stateVersion: 0, timestamp: 1, counter: 1 },
    get size() {
      return topics.size;
    },
    all: () => topics.values(),
  };
  return { topics, link: new NameServerLink(source, 30_000) };
}
const kinds = (effects: readonly LinkEffect[]) => effects.map((effect) => effect.kind);
function opaque(effects: readonly LinkEffect[]): number {
  const effect = effects.find((one) => 'opaque' in one);
  return effect !== undefined && 'opaque' in effect ? effect.opaque : -1;
}

test('NameServerLink opens, registers all topics, then changes alone', async (t) => {
  const { link: one } = link();
  t.same(kinds(one.tick(0, 0)), ['open']);
  t.equal(one.nextTickAt(), 3_000);
  const all = one.opened(5);
  t.match(all, [{ kind: 'register', topics: { length: 3 } }]);
  t.same(one.answered(opaque(all), 0, '', true, 0, 6), [{ kind: 'settled', upTo: 0, ok: true }]);
  t.ok(one.isRegistered);
  const change = one.changed(1, [['N', plainTopic('N', 4)]], 7);
  t.match(change, [{ kind: 'register', topics: [{ topicName: 'N' }] }]);
  t.same(
    one.changed(
      2,
      [
        ['M', plainTopic('M', 4)],
        ['T0', null],
      ],
      8,
    ),
    [],
    'one request at a time',
  );
  const next = one.answered(opaque(change), 0, '', true, 0, 9);
  t.match(next, [
    { kind: 'settled', upTo: 1, ok: true },
    { kind: 'register', topics: [{ topicName: 'M' }] },
  ]);
  t.same(one.answered(opaque(next), 0, '', true, 0, 10), [{ kind: 'settled', upTo: 2, ok: true }]);
  t.equal(one.nextTickAt(), 30_006);
  t.match(one.tick(0, 30_006), [{ kind: 'register', topics: { length: 3 } }]);
});

test('NameServerLink fails at once what comes while it waits, and registers all when it is back', async (t) => {
  const { link: one } = link();
  one.tick(0, 0);
  t.same(kinds(one.closed('refused', 0.5, 1)), ['settled', 'failed']);
  t.same(one.changed(1, [['N', plainTopic('N', 1)]], 2), [{ kind: 'settled', upTo: 1, ok: false }]);
  t.ok(one.isDown);
  t.equal(one.nextTickAt(), 201);
  let wait = 200;
  for (const want of [400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
    const now = one.nextTickAt();
    t.same(kinds(one.tick(0.5, now)), ['open']);
    t.match(one.closed('refused', 0.5, now).at(-1), { retryInMs: want }, 'twice as long, to the limit');
    wait = want;
  }
  const now = one.nextTickAt();
  one.tick(0.5, now);
  const all = one.opened(now);
  t.match(all, [{ kind: 'register', topics: { length: 3 } }]);
  t.same(kinds(one.answered(opaque(all), 0, '', true, 0, now)), ['settled', 'recovered']);
  t.ok(wait > 0);
});

test('NameServerLink gives up a try after 3 s and closes the connection', async (t) => {
  const { link: one } = link();
  one.tick(0.5, 0);
  t.same(one.tick(0.5, 2_999), []);
  t.same(kinds(one.tick(0.5, 3_000)), ['close', 'settled', 'failed']);
  const now = one.nextTickAt();
  one.tick(0.5, now);
  one.opened(now);
  t.same(kinds(one.tick(0.5, now + 3_000)), ['close', 'settled', 'failed']);
});

test('NameServerLink opens again at once after a good connection closed', async (t) => {
  const { link: one } = link();
  one.tick(0, 0);
  const all = one.opened(1);
  one.answered(opaque(all), 0, '', true, 0, 2);
  t.same(kinds(one.closed('closed by the peer', 0.5, 100)), ['settled', 'failed', 'open']);
  t.match(one.closed('refused', 0.5, 101).at(-1), { retryInMs: 400 });
});

test('NameServerLink registers all when an increment is refused, and fails when that is refused too', async (t) => {
  const { link: one } = link();
  one.tick(0, 0);
  one.answered(opaque(one.opened(0)), 0, '', true, 0, 0);
  const change = one.changed(1, [['N', plainTopic('N', 1)]], 1);
  const all = one.answered(opaque(change), 1, 'not registered', true, 0, 2);
  t.match(all, [{ kind: 'register', topics: { length: 3 } }]);
  t.same(kinds(one.answered(opaque(all), 1, 'no', true, 0.5, 3)).slice(0, 2), ['close', 'settled']);
});

test('NameServerLink parts a large registration and asks for the version before the periodic one', async (t) => {
  const { link: one } = link(9_000);
  one.tick(0, 0);
  const sizes: number[] = [];
  let effects = one.opened(0);
  for (let index = 0; index < 3; index++) {
    const [effect] = effects;
    if (effect?.kind === 'register') sizes.push(effect.topics.length);
    effects = one.answered(opaque(effects), 0, '', true, 0, 0);
  }
  t.same(sizes, [4_000, 4_000, 1_000]);
  t.same(effects, [{ kind: 'settled', upTo: 0, ok: true }]);
  const query = one.tick(0, 30_000);
  t.same(kinds(query), ['query-version']);
  t.same(one.answered(opaque(query), 0, '', false, 0, 30_001), [], 'nothing changed');
  t.equal(one.nextTickAt(), 60_001);
  const again = one.tick(0, 60_001);
  t.match(one.answered(opaque(again), 0, '', true, 0, 60_002), [{ kind: 'register', topics: { length: 4_000 } }]);
});

test('NameServerLink unregisters where it is registered, and always ends', async (t) => {
  const { link: one } = link();
  t.same(kinds(one.unregister(0)), ['unregistered']);
  t.equal(one.nextTickAt(), Number.POSITIVE_INFINITY);
  const { link: two } = link();
  two.tick(0, 0);
  two.answered(opaque(two.opened(0)), 0, '', true, 0, 0);
  const bye = two.unregister(1);
  t.same(kinds(bye), ['unregister']);
  t.same(kinds(two.answered(opaque(bye), 0, '', true, 0, 2)), ['unregistered', 'close']);
  t.same(two.registerAll(0, 3), []);
  const { link: three } = link();
  three.tick(0, 0);
  three.opened(0);
  t.same(three.unregister(1), [], 'after the request under way');
  t.same(kinds(three.tick(0, 3_000)), ['close', 'settled', 'unregistered']);
});
