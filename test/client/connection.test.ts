import { test } from 'tap';
import { Connection, type PeerRequest } from '../../client/connection.ts';
import type { ClientError } from '../../client/errors.ts';
import { ClientWorld } from '../support/client-world.ts';

const PEER = '10.0.0.2:10911';

function connectionIn(
  world: ClientWorld,
  more: { inFlightMax?: number; onRequest?: (request: PeerRequest, from: Connection) => void } = {},
) {
  const opened: string[] = [];
  const connection = new Connection(PEER, {
    transport: world.transport,
    environment: world.environment,
    inFlightMax: more.inFlightMax ?? 100,
    onRequest: more.onRequest ?? (() => {}),
    onOpen: (each) => opened.push(each.address),
  });
  return { connection, opened };
}

const codeOf = (error: unknown): string => (error as ClientError).code;

test('Connection gives each request its own answer, whatever their order', async (t) => {
  const world = new ClientWorld();
  const calls: (() => void)[] = [];
  world.listen(PEER, ({ request, answer }) => calls.push(() => answer({ code: 0, remark: `to ${request.code}`, body: request.body })));
  const { connection } = connectionIn(world);

  const first = connection.request({ code: 11, body: Buffer.from('one') }, 3_000);
  const second = connection.request({ code: 12, body: Buffer.from('two') }, 3_000);
  await world.advance(10);
  for (const call of calls.reverse()) call();
  await world.advance(10);

  t.equal((await first).remark, 'to 11');
  t.equal(Buffer.from((await first).body).toString(), 'one', 'the body is a copy: the frame was overwritten');
  t.equal((await second).remark, 'to 12');
  t.equal(world.opened.get(PEER), 1, 'over one link');
});

test('Connection fails a request at its own time limit, and not the others', async (t) => {
  const world = new ClientWorld();
  world.listen(PEER, ({ request, answer }) => {
    if (request.code === 2) answer({ code: 0 });
  });
  const { connection } = connectionIn(world);
  const silent = connection.request({ code: 1 }, 500);
  silent.catch(() => {});
  const longer = connection.request({ code: 3 }, 10_000);
  longer.catch(() => {});

  await world.advance(400);
  t.equal(connection.inFlight, 2);
  await world.advance(101);
  await t.rejects(silent, { code: 'MQ_CLIENT_TIMEOUT' });
  t.equal(connection.inFlight, 1, 'the longer one still waits');
  t.equal((await world.until(connection.request({ code: 2 }, 1_000))).code, 0, 'and the link is as good as before');
  connection.close();
  await t.rejects(longer, { code: 'MQ_CLIENT_CLOSED' });
});

test('Connection leaves a peer that says nothing at all within a full time limit', async (t) => {
  const world = new ClientWorld();
  world.listen(PEER, () => {});
  const { connection } = connectionIn(world);
  await t.rejects(world.until(connection.request({ code: 1 }, 3_000)), { code: 'MQ_CLIENT_TIMEOUT' });
  t.notOk(connection.isOpen, 'the link is given up');
  world.listen(PEER, ({ answer }) => answer({ code: 0 }));
  await world.advance(200);
  t.equal((await world.until(connection.request({ code: 1 }, 3_000))).code, 0, 'and the next request goes by a new one');
  t.equal(world.opened.get(PEER), 2);
});

test('Connection pauses longer after each failed attempt, up to ten seconds', async (t) => {
  const world = new ClientWorld(7);
  world.down.add(PEER);
  const { connection } = connectionIn(world);
  const pauses: number[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    await t.rejects(world.until(connection.request({ code: 1 }, 3_000)), { code: 'MQ_CLIENT_NOT_CONNECTED' });
    pauses.push(connection.pauseMs);
    await t.rejects(connection.request({ code: 1 }, 3_000), { code: 'MQ_CLIENT_NOT_CONNECTED' }, 'refused at once while it pauses');
    await world.advance(Math.ceil(connection.pauseMs));
  }
  t.equal(world.opened.get(PEER), 12, 'one attempt a pause');
  t.ok(pauses[0]! >= 50 && pauses[0]! <= 100, `first ${pauses[0]}`);
  t.ok(
    pauses.every((pause) => pause <= 10_000),
    'never more than ten seconds',
  );
  t.ok(pauses.at(-1)! >= 5_000, `last ${pauses.at(-1)}`);

  world.down.clear();
  world.listen(PEER, ({ answer }) => answer({ code: 0 }));
  await world.until(connection.request({ code: 1 }, 3_000));
  world.cut(PEER);
  t.ok(connection.pauseMs <= 100, 'an answer makes the pauses short again');
});

test('Connection fails what is in flight when the link goes, and says which', async (t) => {
  const world = new ClientWorld();
  world.listen(PEER, ({ hangUp }) => hangUp('the peer died'));
  const { connection } = connectionIn(world);
  const error = await world.until(connection.request({ code: 1 }, 3_000).catch((each: unknown) => each as ClientError));
  t.match(error, { code: 'MQ_CLIENT_CONNECTION_LOST', address: PEER });
  t.match((error as ClientError).message, /the peer died/);
});

test('Connection closes the link on bytes that are no command, and the process lives', async (t) => {
  const world = new ClientWorld();
  const hostile = [
    Buffer.from([0, 0, 0, 10, 0, 0, 0, 200, 1, 2, 3, 4, 5, 6]),
    Buffer.from([0, 0, 0, 6, 0, 0, 0, 2, 0x7b, 0x7b]),
    Buffer.from([0, 0, 0, 6, 7, 0, 0, 2, 0x7b, 0x7d]),
    Buffer.concat([Buffer.from([0, 0, 0, 33, 0, 0, 0, 29]), Buffer.from('{"code":1,"extFields":[1,2]} ')]),
  ];
  for (const bytes of hostile) {
    world.listen(PEER, ({ raw }) => raw(bytes));
    const { connection } = connectionIn(world);
    t.equal(await world.until(connection.request({ code: 1 }, 3_000).catch(codeOf)), 'MQ_CLIENT_CONNECTION_LOST');
    t.notOk(connection.isOpen);
    connection.close();
  }
});

test('Connection ignores an answer that nobody waits for', async (t) => {
  const world = new ClientWorld();
  world.listen(PEER, ({ push, answer }) => {
    push({ code: 0, flag: 1, opaque: 999_999 } as never);
    answer({ code: 0, remark: 'right' });
    answer({ code: 0, remark: 'twice' });
  });
  const { connection } = connectionIn(world);
  t.equal((await world.until(connection.request({ code: 1 }, 3_000))).remark, 'right');
  await world.advance(10);
  t.ok(connection.isOpen);
});

test('Connection hands on requests of the peer and answers them with their opaque', async (t) => {
  const world = new ClientWorld();
  const seen: { code: number; remark: string | null; opaque: number }[] = [];
  world.listen(PEER, ({ request, answer, push }) => {
    if ((request.flag & 1) !== 0) seen.push({ code: request.code, remark: request.remark, opaque: request.opaque });
    else {
      push({ code: 307, flag: 0, ...{ opaque: 77 } });
      push({ code: 40, flag: 2, ...{ opaque: 78 } });
      answer({ code: 0 });
    }
  });
  const asked: number[] = [];
  const { connection } = connectionIn(world, {
    onRequest: (request, from) => {
      asked.push(request.code);
      from.respond(request, { code: 0, remark: 'here' });
    },
  });
  await world.until(connection.request({ code: 1 }, 3_000));
  await world.advance(10);
  t.same(asked, [307, 40]);
  t.same(seen, [{ code: 0, remark: 'here', opaque: 77 }], 'the one-way one is not answered');
});

test('Connection refuses more requests than its limit, and sends no more than the link takes', async (t) => {
  const world = new ClientWorld();
  const arrived: number[] = [];
  world.listen(PEER, ({ request, answer }) => {
    arrived.push(request.code);
    answer({ code: 0 });
  });
  const { connection } = connectionIn(world, { inFlightMax: 4 });
  await world.until(connection.request({ code: 1 }, 3_000));
  world.full.add(PEER);
  const sent = [2, 3, 4, 5].map((code) => connection.request({ code }, 3_000));
  await t.rejects(connection.request({ code: 6 }, 3_000), { code: 'MQ_CLIENT_LIMIT' });
  await world.advance(50);
  t.same(arrived, [1, 2], 'the link said that it was full after the first');
  world.drain(PEER);
  await world.until(Promise.all(sent));
  t.same(arrived, [1, 2, 3, 4, 5], 'the others follow, in their order');
});

test('Connection does not send what timed out while it waited for room', async (t) => {
  const world = new ClientWorld();
  const arrived: number[] = [];
  world.listen(PEER, ({ request, answer }) => {
    arrived.push(request.code);
    answer({ code: 0 });
  });
  const { connection } = connectionIn(world);
  await world.until(connection.request({ code: 1 }, 3_000));
  world.full.add(PEER);
  const first = connection.request({ code: 2 }, 1_000);
  const late = connection.request({ code: 3 }, 1_000).catch(codeOf);
  await world.until(first);
  t.equal(await world.until(late), 'MQ_CLIENT_TIMEOUT');
  world.drain(PEER);
  await world.advance(50);
  t.same(arrived, [1, 2]);
});

test('Connection tells each time that it opens, before what waits is sent', async (t) => {
  const world = new ClientWorld();
  world.listen(PEER, ({ answer }) => answer({ code: 0 }));
  const { connection, opened } = connectionIn(world);
  await world.until(connection.request({ code: 1 }, 3_000));
  world.cut(PEER);
  await world.advance(200);
  await world.until(connection.request({ code: 1 }, 3_000));
  t.same(opened, [PEER, PEER]);
});
