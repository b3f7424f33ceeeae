/**
 * Records the stock admin tool: runs every command of `admin-steps.ts` against a Java broker through recording proxies and writes what it
 * asked and got to `test/fixtures/admin/`. Run by hand when a release of RocketMQ is added, against a fresh store:
 * `node test/compatibility/record-admin.ts NAMESRV BROKER TOOLS_VERSION`. The broker's port needs five digits.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerShape, type GoldenExchange, type GoldenRun, outputLines, saveGolden, withNames } from '../support/admin-golden.ts';
import { AdminWorld } from '../support/admin-world.ts';
import { decodeRawFrame } from '../support/raw-frame.ts';
import { type RecordedFrame, RecordingProxy } from '../support/recording-proxy.ts';
import { pause } from '../support/wait-until.ts';
import { hostOfAddress } from './admin-outputs.ts';
import { ADMIN_STEPS, fillArguments } from './admin-steps.ts';
import { AdminTool } from './admin-tool.ts';

/** What every client does by itself, at times of its own. */
const CLIENTS_OWN: ReadonlySet<number> = new Set([15, 34, 35, 38, 40, 46]);
const VIEW_MESSAGE = 33;
const OUTPUT_LINES_MAX = 60;
/** Answers come before the tool's own end; what was one-way may come after. */
const SETTLE_MS = 300;

const [nameServer, broker, version] = process.argv.slice(2);
if (nameServer === undefined || broker === undefined || version === undefined)
  throw new Error('usage: record-admin.ts NAMESRV BROKER TOOLS_VERSION');

const brokerProxy = await RecordingProxy.start(broker);
const names = await RecordingProxy.start(nameServer, (frame) =>
  Buffer.from(frame.toString('latin1').replaceAll(broker, brokerProxy.address), 'latin1'),
);
const folder = mkdtempSync(join(tmpdir(), 'ringmq-admin-'));
const world = await AdminWorld.make(nameServer, brokerProxy.address);
const tool = new AdminTool(version, folder);
const file = join(folder, 'list.json');
const values: Record<string, string> = {
  broker: brokerProxy.address,
  realBroker: broker,
  nameServer: names.address,
  cluster: 'DefaultCluster',
  offsetMsgId: world.offsetMsgId.replace(hostOfAddress(broker), hostOfAddress(brokerProxy.address)),
  realOffsetMsgId: world.offsetMsgId,
  wrongMsgId: `${hostOfAddress(brokerProxy.address)}${'0'.repeat(12)}FFFF`,
  uniqueKey: world.uniqueKey,
  file,
  folder,
};

function bodyText(body: Buffer): string {
  const text = body.toString('utf8');
  return Buffer.from(text, 'utf8').equals(body) && !/[\u0000-\u0008]/.test(text) ? text : `hex:${body.toString('hex')}`;
}

function named(text: string): string {
  return withNames(text, values, Date.now()).replaceAll('{realBroker}', '{broker}').replaceAll('{realOffsetMsgId}', '{offsetMsgId}');
}

function* exchangesOf(frames: readonly RecordedFrame[], to: 'name-server' | 'broker'): Generator<GoldenExchange> {
  const decoded = frames.map((recorded) => ({ recorded, frame: decodeRawFrame(recorded.bytes) }));
  for (const [index, { recorded, frame: request }] of decoded.entries()) {
    if ((request.flag & 1) === 1 || (request.flag & 2) === 2 || CLIENTS_OWN.has(request.code)) continue;
    const answer = decoded
      .slice(index + 1)
      .find(
        ({ recorded: later, frame }) =>
          later.connection === recorded.connection &&
          later.direction !== recorded.direction &&
          (frame.flag & 1) === 1 &&
          frame.opaque === request.opaque,
      )?.frame;
    if (answer === undefined) continue;
    const fields = Object.fromEntries(Object.entries(request.ext ?? {}).map(([name, value]) => [name, named(value)]));
    // The one number that is a place in the log.
    if (request.code === VIEW_MESSAGE && fields['offset'] === world.commitLogOffset) fields['offset'] = '{commitLogOffset}';
    yield {
      to: recorded.direction === 'to-server' ? to : 'client',
      code: request.code,
      fields,
      ...(request.body.length === 0 ? {} : { body: named(bodyText(request.body)) }),
      answer: answerShape(answer),
    };
  }
}

const commands = new Map<string, GoldenRun[]>();
for (const step of ADMIN_STEPS) {
  await world.beat();
  if (step.file !== undefined) writeFileSync(file, step.file);
  const from = [names.frames.length, brokerProxy.frames.length] as const;
  const output = await tool.run([step.command, '-n', names.address, ...fillArguments(step, values)], step.timeoutMs);
  await pause(SETTLE_MS);
  const kept: GoldenExchange[] = [];
  const seen = new Set<string>();
  for (const exchange of [
    ...exchangesOf(names.frames.slice(from[0]), 'name-server'),
    ...exchangesOf(brokerProxy.frames.slice(from[1]), 'broker'),
  ]) {
    const kind = JSON.stringify([exchange.to, exchange.code, Object.keys(exchange.fields).sort(), exchange.answer.code]);
    if (seen.has(kind)) continue;
    seen.add(kind);
    kept.push(exchange);
  }
  const lines = outputLines(output, values, Date.now()).map((line) =>
    line.replaceAll('{realBroker}', '{broker}').replaceAll('{realOffsetMsgId}', '{offsetMsgId}'),
  );
  const run: GoldenRun = { args: [...step.args], exchanges: kept, output: lines.slice(0, OUTPUT_LINES_MAX) };
  commands.set(step.command, [...(commands.get(step.command) ?? []), run]);
  process.stderr.write(
    `${step.command} ${step.args.join(' ')}: ${kept.map(({ code, answer }) => `${code}→${answer.code}`).join(' ')} | ${lines[0] ?? ''}\n`,
  );
}
for (const [command, runs] of commands) saveGolden({ command, runs });
await tool.close();
await world.close();
await names.close();
await brokerProxy.close();
rmSync(folder, { recursive: true, force: true });
