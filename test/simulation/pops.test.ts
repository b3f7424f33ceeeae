/**
 * Pops under faults, from seeds: clients pop, acknowledge, ask for other times and forget, while the process is killed, the actor fails and the disk is
 * full: one kind of fault at a time, and all together. Checked all the time: no message is with two clients, what was acknowledged does not come again,
 * and what is not comes again within 200 ms of its time. At the end every message is acknowledged or a dead letter.
 *
 * What the log could not take is promised to nobody: after a failure it is as if it had not been. A client cannot see that, and neither does this
 * test: from a refusal on it doubts what is given out, until a request is answered as stored, which stands for all before it.
 */
import { test } from 'tap';
import { SeededRandom } from '../../runtime/random.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { type Held, PopWorld, QUEUES, TOPIC } from '../actors/pop/pop-world.ts';

const LATE_MAX_MS = 200;
const STEPS = 250;
const fresh = Math.floor(Math.random() * 2 ** 31);

const FAULTS = ['none', 'kill', 'actor', 'disk', 'refusal'] as const;
type Fault = (typeof FAULTS)[number];
const MIXED_SEEDS = 300;

const runs: (readonly [name: string, faults: readonly Fault[], seed: number])[] = [
  ...FAULTS.flatMap((one) => [1, 2, 3, 4, 5, fresh].map((seed) => [one, [one], seed] as const)),
  ...[fresh, ...Array.from({ length: MIXED_SEEDS }, (_, i) => i + 1)].map((seed) => ['all together', FAULTS, seed] as const),
];

for (const [name, faults, seed] of runs) {
  test(`pops keep their word under faults (${name}, seed ${seed})`, async (t) => {
    const has = (fault: Fault): boolean => faults.includes(fault);
    const random = new SeededRandom(seed);
    const disk = new MemoryDisk({ seed });
    let world = new PopWorld(disk, seed);
    let saved = new Map<string, number>();
    const sent = new Set<string>();
    const acked = new Set<string>();
    /** With a client, until when. */
    const held = new Map<string, Held>();
    /** The broker was away, or its log refused: what is due meanwhile is late. */
    let excusedUntil = 0;
    /** Stored once more when the process was killed: whether the journal knew is not known, and they may come twice. */
    const twice = new Set<string>();
    /** Acknowledged while the log refused: they are done, unless a crash has forgotten it. */
    const unsure = new Set<string>();
    /** The log may have refused since the last answer that was stored. */
    let isDoubtful = false;
    /** Given out since then. */
    const doubtful = new Set<string>();

    const refusesSometimes = (): void => {
      isDoubtful = true;
    };
    const excuse = (ms: number): void => {
      excusedUntil = Math.max(excusedUntil, world.now + ms);
    };
    const isStored = (): void => {
      // What was refused a moment ago is tried again after a second.
      if (isDoubtful) excuse(1_500);
      isDoubtful = false;
      doubtful.clear();
    };
    /** The actor or the process has failed: what the log did not take is forgotten. */
    const forget = (): void => {
      for (const body of doubtful) twice.add(body);
      doubtful.clear();
    };
    const take = (messages: readonly Held[]): void => {
      for (const one of messages) {
        const before = held.get(one.body);
        if (isDoubtful) doubtful.add(one.body);
        if (twice.has(one.body)) {
          if (!acked.has(one.body)) held.set(one.body, one);
          continue;
        }
        if (acked.has(one.body)) t.fail(`${one.body} was acknowledged and comes again at ${world.now}`);
        if (before !== undefined) {
          const due = before.popTime + before.invisibleMs;
          if (world.now < due) t.fail(`${one.body} is with a client until ${due} and is given out at ${world.now}`);
          // When it was stored once more, not when somebody asked for it.
          const late = one.storedAt - due;
          if (!isDoubtful && due > excusedUntil && late > LATE_MAX_MS) t.fail(`${one.body} came again ${late} ms late`);
        }
        held.set(one.body, one);
      }
    };
    const settle = (one: Held, outcome: string): void => {
      if (outcome === 'done') {
        isStored();
        acked.add(one.body);
        held.delete(one.body);
      } else if (outcome === 'refused') {
        unsure.add(one.body);
        held.delete(one.body);
      } else if (outcome === 'expired' || outcome === 'replaced') {
        if (world.now < one.popTime + one.invisibleMs) t.fail(`a good receipt of ${one.body} was ${outcome}`);
      }
    };

    for (let step = 0; step < STEPS; step++) {
      const dice = random.below(100);
      const open = [...held.values()];
      const one = open[random.below(Math.max(1, open.length))];
      if (dice < 30) {
        const body = `m${step}`;
        if (world.send(body, random.below(QUEUES))) sent.add(body);
      } else if (dice < 55)
        take(world.pop({ max: 1 + random.below(5), invisibleMs: 500 + random.below(5_000), holdMs: random.below(2) * 300 }).held);
      else if (dice < 75 && one !== undefined) settle(one, world.ack(one));
      else if (dice < 82 && one !== undefined) {
        const changed = world.change(one, random.below(4_000));
        if (typeof changed === 'string') settle(one, changed);
        else held.set(one.body, changed);
      } else if (dice < 85 && has('kill')) {
        forget();
        // What the group has saved is of some moment before.
        if (random.below(2) === 0) saved = new Map(world.committed);
        for (const { body, popTime, invisibleMs } of held.values()) if (popTime + invisibleMs - world.now < 100) twice.add(body);
        world = world.reborn(seed + step, random.below(3_000), saved);
        excuse(500);
      } else if (dice < 88 && has('actor')) {
        forget();
        world.actor.tell({ kind: 'ack-popped' } as never);
        world.advance(1_500);
        excuse(500);
      } else if (dice < 90 && has('disk')) {
        refusesSometimes();
        disk.fail({ call: 'write', errno: 'ENOSPC', path: /commitlog/, times: 2 });
        excuse(3_000);
      } else if (dice < 91 && has('refusal')) {
        refusesSometimes();
        world.append.refuseFor('the disk is nearly full');
        world.advance(random.below(2_000));
        world.append.refuseFor('');
        excuse(2_000);
      } else if (dice < 93) world.actor.tell({ kind: 'tell-whole' });
      else world.advance(random.below(1_500));
    }

    const dead = new Set<string>();
    for (let round = 0; round < 400 && [...sent].some((body) => !acked.has(body) && !dead.has(body) && !unsure.has(body)); round++) {
      const { held: messages } = world.pop({ invisibleMs: 2_000, holdMs: 1_000 });
      take(messages);
      for (const one of messages) settle(one, world.ack(one));
      world.advance(500);
      for (const record of world.records(`%DLQ%G`)) dead.add(Buffer.from(record.body).toString());
    }
    const lost = [...sent].filter((body) => !acked.has(body) && !dead.has(body) && !unsure.has(body));
    t.same(lost, [], `${acked.size} acknowledged, ${dead.size} dead letters of ${sent.size}`);
    world.advance(1_000);
    const ends = Array.from({ length: QUEUES }, (_, queueId) => world.store.table.next(world.store.handle(TOPIC, queueId)));
    t.same(
      ends.map((_, queueId) => world.committed.get(`${TOPIC}/${queueId}`) ?? 0),
      ends,
      'nothing is behind',
    );
  });
}
