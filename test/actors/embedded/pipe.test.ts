import { test } from 'tap';
import { PIPE_CLOSE, PIPE_DATA, PIPE_OPEN, PIPE_PAUSE, PipeWriter } from '../../../actors/embedded/pipe.ts';
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

/** A ring of so many records, and a timer that the test fires: all that a pipe asks of its thread. */
function ring(room: number) {
  const records: { type: number; pipe: number; bytes: Buffer }[] = [];
  const timers: (() => void)[] = [];
  const state = { room };
  const thread = {
    sendRecord: (_to: number, type: number, length: number, write: (bytes: Uint8Array, view: DataView, offset: number) => void) => {
      if (state.room === 0) return false;
      state.room--;
      const bytes = new Uint8Array(length);
      const view = new DataView(bytes.buffer);
      write(bytes, view, 0);
      records.push({ type, pipe: view.getInt32(0), bytes: Buffer.from(bytes.subarray(4)) });
      return true;
    },
    schedule: (_ms: number, run: () => void) => timers.push(run),
  } as unknown as ThreadContext;
  const fire = (): void => {
    for (const run of timers.splice(0)) run();
  };
  return { thread, records, state, fire };
}

test('PipeWriter passes bytes on in order, in parts, and says when a full ring has taken them all', (t) => {
  const { thread, records, state, fire } = ring(2);
  let drained = 0;
  const writer = new PipeWriter(thread, 1, 77, () => drained++);
  writer.word(PIPE_OPEN);
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i & 0xff));
  t.equal(writer.data(bytes), false, 'something waits');
  t.equal(writer.waitingBytes, 200_000 - 65_536);
  const copied = Buffer.from(bytes);
  bytes.fill(0);
  writer.word(PIPE_CLOSE);
  fire();
  t.equal(records.length, 2, 'the ring is still full');
  state.room = 100;
  fire();
  t.equal(drained, 1);
  t.same([...new Set(records.map(({ pipe }) => pipe))], [77]);
  t.same(
    records.map(({ type }) => type),
    [PIPE_OPEN, PIPE_DATA, PIPE_DATA, PIPE_DATA, PIPE_DATA, PIPE_CLOSE],
  );
  t.ok(Buffer.concat(records.map((record) => record.bytes)).equals(copied), 'what waited was copied');
  t.equal(writer.waitingBytes, 0);
  t.end();
});

test('PipeWriter holds data back while its peer is paused, but not its own words of reading', (t) => {
  const { thread, records } = ring(100);
  const writer = new PipeWriter(thread, 1, 5, () => {});
  writer.pause(true);
  let released = 0;
  t.equal(
    writer.data(Buffer.from('held'), () => released++),
    false,
  );
  writer.word(PIPE_PAUSE);
  t.same(
    records.map(({ type }) => type),
    [PIPE_PAUSE],
  );
  t.equal(released, 0);
  writer.pause(false);
  t.equal(records.at(-1)!.bytes.toString(), 'held');
  t.equal(released, 1);
  writer.pause(true);
  writer.data(Buffer.from('lost'), () => released++);
  writer.end();
  t.equal(released, 2, 'what is dropped is given back');
  t.end();
});
