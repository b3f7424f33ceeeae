/** Requests that the broker makes of clients, without sockets: deadlines, closed connections, forged and long answers. */
import { test } from 'tap';
import { type AskClient, type AskClientWithBody, type ClientAnswered, ClientCalls } from '../../../actors/gateway/client-calls.ts';
import type { AnswerPart, LongBody } from '../../../actors/gateway/fetch-long.ts';
import { decodeCommand, encodeCommand, RESPONSE_FLAG } from '../../../protocol/remoting/command.ts';
import type { ActorRef } from '../../../runtime/actor.ts';

class World {
  readonly answers: ClientAnswered[] = [];
  readonly parts: AnswerPart[] = [];
  readonly timers: Map<number, () => void> = new Map();
  readonly written: { connection: number; code: number; body: Uint8Array | null }[] = [];
  readonly stored: Map<number, Uint8Array> = new Map([[64, Buffer.from('stored')]]);
  #opaque = 0;
  isFull = false;
  readonly calls = new ClientCalls({
    connection: (id) =>
      id >= 100
        ? undefined
        : {
            id,
            call: (code, _ext, body) => {
              if (this.isFull) return -1;
              this.written.push({ connection: id, code, body });
              return ++this.#opaque;
            },
          },
    view: (physical, onMessage) => onMessage(this.stored.get(physical) ?? null),
    fetch: (shard, long, onBody) => onBody(shard === 1 ? Buffer.concat([long.body, Buffer.from(' and the rest')]) : null),
    schedule: (_delayMs, run) => {
      this.timers.set(this.timers.size + 1, run);
      return this.timers.size;
    },
    cancel: (timer) => this.timers.delete(timer),
  });

  ask(connection: number, physical = -1): void {
    const replyTo = { path: 'asker', tell: (answer: ClientAnswered) => this.answers.push(answer) > 0 } as ActorRef<ClientAnswered>;
    const message: AskClient = { kind: 'ask-client', connection, code: 307, ext: {}, physical, timeoutMs: 10, replyTo };
    this.calls.ask(message);
  }

  answer(connection: number, opaque: number, body: Uint8Array): void {
    const frame = encodeCommand({ code: 0, opaque, flag: RESPONSE_FLAG, ext: { a: 'b' }, remark: 'r', body });
    this.calls.answered(connection, decodeCommand(frame, 0, frame.length));
  }

  fetch(ticket: number, at: number): Uint8Array {
    const replyTo = { path: 'asker', tell: (part: AnswerPart) => this.parts.push(part) > 0 } as ActorRef<AnswerPart>;
    this.calls.fetch({ kind: 'fetch-answer', ticket, at, replyTo });
    return this.parts.at(-1)!.body;
  }
}

test('ClientCalls passes the answer of the connection that was asked on, once', async (t) => {
  const world = new World();
  world.ask(1);
  world.answer(2, 1, Buffer.from('forged by another connection'));
  world.answer(1, 99, Buffer.from('never asked'));
  t.same(world.answers, []);
  world.answer(1, 1, Buffer.from('info'));
  world.answer(1, 1, Buffer.from('again'));
  t.match(world.answers, [{ outcome: 'answered', code: 0, remark: 'r', ext: { a: 'b' }, bytes: 4 }]);
  t.equal(Buffer.from(world.answers[0]!.body).toString(), 'info');
  t.equal(world.timers.size, 0, 'its timer has gone');
  t.equal(world.calls.size, 0);
});

test('ClientCalls tells of silence, of a closed connection, of one that is not there or full', async (t) => {
  const world = new World();
  world.ask(1);
  for (const run of world.timers.values()) run();
  world.answer(1, 1, Buffer.from('too late'));
  world.ask(2);
  world.ask(2);
  world.calls.closed(1);
  world.calls.closed(2);
  world.ask(100);
  world.isFull = true;
  world.ask(1);
  t.same(
    world.answers.map((answer) => answer.outcome),
    ['timeout', 'gone', 'gone', 'gone', 'full'],
  );
  t.equal(world.calls.size, 0);
});

test('ClientCalls sends a stored message along, and nothing when none is there', async (t) => {
  const world = new World();
  world.ask(1, 64);
  t.equal(Buffer.from(world.written[0]!.body!).toString(), 'stored');
  world.ask(1, 65);
  t.equal(world.written.length, 1);
  t.equal(world.answers[0]?.outcome, 'no-message');
});

test('ClientCalls hands a long answer over in parts, and forgets it then', async (t) => {
  const world = new World();
  const long = Buffer.alloc(300_000, 7);
  world.ask(1);
  world.answer(1, 1, long);
  const { body, bytes, ticket } = world.answers[0]!;
  t.equal(bytes, long.length);
  let got = Buffer.from(body);
  while (got.length < bytes) got = Buffer.concat([got, world.fetch(ticket, got.length)]);
  t.ok(got.equals(long));
  t.equal(world.fetch(ticket, 0).length, 0, 'not kept any more');
  t.equal(world.fetch(77, 0).length, 0);
});

test('ClientCalls keeps long answers only so many and so long', async (t) => {
  const world = new World();
  const long = Buffer.alloc(12 * 1024 * 1024, 7);
  for (let opaque = 1; opaque <= 3; opaque++) {
    world.ask(1);
    world.answer(1, opaque, long);
  }
  const tickets = world.answers.map((answer) => answer.ticket);
  t.equal(world.fetch(tickets[0]!, 0).length, 0, 'the oldest gave way to the third');
  t.ok(world.fetch(tickets[1]!, 0).length > 0);
  for (const run of [...world.timers.values()]) run();
  t.equal(world.fetch(tickets[2]!, 0).length, 0, 'nobody came for it');
});

test('ClientCalls is bounded for one connection', async (t) => {
  const world = new World();
  for (let index = 0; index < 65; index++) world.ask(1);
  t.same(
    world.answers.map((answer) => answer.outcome),
    ['full'],
  );
  world.ask(2);
  t.equal(world.written.length, 65, 'another one may be asked');
});

test('ClientCalls asks with a body of the asker, whose rest another shard has', async (t) => {
  const world = new World();
  const replyTo = { path: 'asker', tell: (answer: ClientAnswered) => world.answers.push(answer) > 0 } as ActorRef<ClientAnswered>;
  const ask = (bodyShard: number, long: LongBody): void => {
    const message: AskClientWithBody = {
      kind: 'ask-client-with-body',
      connection: 1,
      code: 326,
      ext: {},
      timeoutMs: 10,
      ...long,
      bodyShard,
      replyTo,
    };
    world.calls.askWithBody(message);
  };
  ask(1, { body: Buffer.from('begin'), bytes: 18, ticket: 4 });
  t.match(world.written, [{ connection: 1, code: 326, body: Buffer.from('begin and the rest') }]);
  ask(2, { body: Buffer.from('begin'), bytes: 18, ticket: 5 });
  t.match(world.answers, [{ outcome: 'no-message' }], 'the other shard has let it go');
  t.equal(world.written.length, 1);

  const small = world.calls.split(Buffer.from('small'));
  t.same(
    { ...small, body: Buffer.from(small.body).toString() },
    { body: 'small', bytes: 5, ticket: 0 },
    'nothing is kept of what fits one message',
  );
  const long = world.calls.split(new Uint8Array(300 * 1024).fill(7));
  t.equal(long.body.length, 128 * 1024);
  t.equal(world.fetch(long.ticket, 128 * 1024).length, 128 * 1024);
  t.equal(world.fetch(long.ticket, 256 * 1024).length, 44 * 1024);
  t.equal(world.fetch(long.ticket, 256 * 1024).length, 0, 'fetched whole, it is not kept any more');
});
