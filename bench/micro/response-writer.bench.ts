/**
 * What writing a send's answer costs, in CPU time (user and system) per answer.
 * Run: node bench/micro/response-writer.bench.ts
 */
import { SEND_RESPONSE_MAX_BYTES, SendResponseWriter, writePullResponseHeader } from '../../protocol/remoting/response-writer.ts';

const ROUNDS = 3_000_000;
const writer = new SendResponseWriter(Uint8Array.of(10, 0, 0, 8, 0, 0, 0x2a, 0x9f), 'DefaultRegion', true);
const target = new Uint8Array(64 * SEND_RESPONSE_MAX_BYTES);
const id = Buffer.from('0A00000800002A9F0000011F71FB04CB');
const pull = {
  code: 0,
  remark: 'FOUND',
  suggestWhichBrokerId: 0,
  nextBeginOffset: 123_456_789,
  minOffset: 0,
  maxOffset: 123_456_999,
  topicSysFlag: 0,
  groupSysFlag: 0,
};
let sum = 0;

function measure(name: string, run: (round: number) => number): void {
  for (let round = 0; round < ROUNDS / 10; round++) sum += run(round);
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) sum += run(round);
  const used = process.cpuUsage(before);
  console.log(`${name.padEnd(44)} ${(((used.user + used.system) * 1000) / ROUNDS).toFixed(0).padStart(6)} ns`);
}

const room = (round: number): number => (round & 63) * SEND_RESPONSE_MAX_BYTES;
measure('SendResponseWriter.write, JSON', (round) =>
  writer.write(target, room(round), false, round, 0, 5e9 + round * 300, round & 3, 1e6 + round, id, 0, id.length),
);
measure('SendResponseWriter.write, binary', (round) =>
  writer.write(target, room(round), true, round, 0, 5e9 + round * 300, round & 3, 1e6 + round, id, 0, id.length),
);
measure('writePullResponseHeader, JSON', (round) => writePullResponseHeader(target, room(round), false, round, pull, 1000));
if (sum === 0) throw new Error('nothing was written');
