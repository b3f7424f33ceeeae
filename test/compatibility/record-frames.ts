/**
 * Records golden frames: runs stock clients against a Java broker through recording proxies and keeps a few exchanges of
 * every request code in `test/fixtures/frames/CLIENT.json`. Run by hand when a release of RocketMQ is added:
 * `node test/compatibility/record-frames.ts NAMESRV BROKER`, both on loopback. The broker's port needs five digits.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { decodeRawFrame, type RawFrame } from '../support/raw-frame.ts';
import { type RecordedFrame, RecordingProxy } from '../support/recording-proxy.ts';
import { CLIENT_PROGRAMS, JAVA_BINARY, runProgram } from './client-programs.ts';

const OUT = fileURLToPath(new URL('../fixtures/frames/', import.meta.url));
const FRAME_BYTES_MAX = 10_000;
const SAME_MAX = 2;
const SCENARIOS = [
  'send-sync',
  'send-batch',
  'send-properties',
  'push',
  'rebalance',
  'pull',
  'lite-pull',
  'update-topic-broker',
  'create-topic',
];

export type GoldenExchange = { code: number; to: 'name-server' | 'broker' | 'client'; request: string; response: string | null };

const OWN_ADDRESSES = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .map((entry) => entry.address)
  .filter((address) => address !== '127.0.0.1' && address !== '::1');

/** The frame with this machine's addresses replaced by the loopback one. */
function normalized(frame: Buffer): Buffer {
  if (frame.readUInt8(4) !== 0) return frame;
  const headerLength = frame.readUIntBE(5, 3);
  let header = frame.toString('latin1', 8, 8 + headerLength);
  let body = frame.toString('latin1', 8 + headerLength);
  for (const address of OWN_ADDRESSES) {
    header = header.replaceAll(address, '127.0.0.1');
    // Only JSON bodies may change their length: message bodies have their own length words.
    if (body.startsWith('{')) body = body.replaceAll(address, '127.0.0.1');
  }
  const out = Buffer.alloc(8 + header.length + body.length);
  out.writeInt32BE(4 + header.length + body.length, 0);
  out.writeUIntBE(header.length, 5, 3);
  out.write(header, 8, 'latin1');
  out.write(body, 8 + header.length, 'latin1');
  return out;
}

function* exchanges(
  frames: readonly RecordedFrame[],
  to: 'name-server' | 'broker',
): Generator<{ golden: GoldenExchange; request: RawFrame; response: RawFrame | undefined }> {
  for (const [index, recorded] of frames.entries()) {
    const request = decodeRawFrame(recorded.bytes);
    if ((request.flag & 1) === 1 || recorded.bytes.length > FRAME_BYTES_MAX) continue;
    const answering = recorded.direction === 'to-server' ? 'to-client' : 'to-server';
    const answer = frames.slice(index + 1).find((later) => {
      if (later.connection !== recorded.connection || later.direction !== answering) return false;
      const frame = decodeRawFrame(later.bytes);
      return (frame.flag & 1) === 1 && frame.opaque === request.opaque;
    });
    if ((request.flag & 2) === 0 && (answer === undefined || answer.bytes.length > FRAME_BYTES_MAX)) continue;
    yield {
      golden: {
        code: request.code,
        to: recorded.direction === 'to-server' ? to : 'client',
        request: normalized(recorded.bytes).toString('hex'),
        response: answer === undefined ? null : normalized(answer.bytes).toString('hex'),
      },
      request,
      response: answer === undefined ? undefined : decodeRawFrame(answer.bytes),
    };
  }
}

const [nameServer, broker] = process.argv.slice(2);
if (nameServer === undefined || broker === undefined) throw new Error('usage: record-frames.ts NAMESRV BROKER');
mkdirSync(OUT, { recursive: true });
for (const program of [...CLIENT_PROGRAMS, JAVA_BINARY]) {
  const brokerProxy = await RecordingProxy.start(broker);
  // Clients learn the broker's address from the name server: there the proxy's takes its place, digit for digit.
  const nameServerProxy = await RecordingProxy.start(nameServer, (frame) =>
    Buffer.from(frame.toString('latin1').replaceAll(broker, brokerProxy.address), 'latin1'),
  );
  const scenarios = SCENARIOS.filter((scenario) => program.scenarios.includes(scenario));
  await runProgram(
    program,
    nameServerProxy.address,
    scenarios,
    `golden${Math.floor(Math.random() * 1e6)}`,
    (verdict) => process.stderr.write(`${program.name} ${verdict.scenario} ${verdict.ok ? 'ok' : verdict.error}\n`),
    async (event) => {
      throw new Error(`No scenario here asks for ${event}`);
    },
    120_000,
  );
  const kept: GoldenExchange[] = [];
  const counts = new Map<string, number>();
  for (const [frames, to] of [
    [nameServerProxy.frames, 'name-server'],
    [brokerProxy.frames, 'broker'],
  ] as const) {
    for (const { golden, request, response } of exchanges(frames, to)) {
      const kind = [
        to,
        request.code,
        request.flag,
        request.encoding,
        response?.code,
        Object.keys(request.ext ?? {}).sort(),
        (response?.body.length ?? 0) > 0,
      ].join('|');
      const count = counts.get(kind) ?? 0;
      if (count >= SAME_MAX) continue;
      counts.set(kind, count + 1);
      kept.push(golden);
    }
  }
  await nameServerProxy.close();
  await brokerProxy.close();
  kept.sort((a, b) => a.code - b.code);
  writeFileSync(`${OUT}${program.name}.json`, `${JSON.stringify({ client: program.name, exchanges: kept }, null, 1)}\n`);
  process.stderr.write(`${program.name}: ${kept.length} exchanges of codes ${[...new Set(kept.map(({ code }) => code))].join(' ')}\n`);
}
