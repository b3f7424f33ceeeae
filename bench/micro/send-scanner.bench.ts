/**
 * What the scanner of send headers costs, in CPU time (user and system) per frame, for a header as Java's client writes it.
 * Run: node bench/micro/send-scanner.bench.ts
 */
import { decodeCommand, encodeCommand } from '../../protocol/remoting/command.ts';
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import { SendHeader } from '../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../protocol/remoting/send-scanner.ts';

const ROUNDS = 2_000_000;

const ext = {
  a: 'please_rename_unique_group_name',
  b: 'BenchmarkTest',
  c: 'TBW102',
  d: '4',
  e: '3',
  f: '0',
  g: '1700000000000',
  h: '0',
  i: 'KEYS\u0001k42\u0002UNIQ_KEY\u00010A00000800002A9F0000011F71FB04CB\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002',
  j: '0',
  k: 'false',
  m: 'false',
};
const body = new Uint8Array(128);
const json = encodeCommand({ code: 310, opaque: 123_456, version: 479, ext, body });
const binary = encodeCommand({ code: 310, opaque: 123_456, version: 479, ext, body, serializeType: 1 });
const header = new SendHeader();
const target = new Uint8Array(4096);
let sum = 0;

function measure(name: string, rounds: number, run: () => void): void {
  for (let round = 0; round < rounds / 10; round++) run();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) run();
  const used = process.cpuUsage(before);
  console.log(`${name.padEnd(44)} ${(((used.user + used.system) * 1000) / rounds).toFixed(0).padStart(6)} ns`);
}

console.log(`header bytes: JSON ${json.length - 136}, binary ${binary.length - 136}`);
measure('scanSendHeader, JSON', ROUNDS, () => {
  if (!scanSendHeader(json, 0, json.length, header)) throw new Error('not taken');
  sum += header.queueId;
});
measure('scanSendHeader, binary', ROUNDS, () => {
  if (!scanSendHeader(binary, 0, binary.length, header)) throw new Error('not taken');
  sum += header.queueId;
});
scanSendHeader(json, 0, json.length, header);
measure('unescapeInto, its properties', ROUNDS, () => {
  sum += unescapeInto(json, header.propertiesStart, header.propertiesEnd, target, 0);
});
measure('decodeCommand + fillFromCommand, JSON', ROUNDS / 20, () => {
  fillFromCommand(decodeCommand(json, 0, json.length), json, header);
  sum += header.queueId;
});
if (sum === 0) throw new Error('nothing was read');
