/**
 * What a filter plugin costs a message: batches of 256 go to a plugin's worker and back, as a shard hands them over; then the exact comparison of a
 * tag, as every pull by tag has it.
 * Run: node bench/micro/plugin-filter.bench.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  allocateExchange,
  ExchangePort,
  ExchangeWatch,
  PLUGIN_BATCH_MAX,
  PLUGIN_SLOTS,
  Verdicts,
} from '../../actors/filter/plugin-exchange.ts';
import { PluginWorker } from '../../actors/filter/plugin-worker.ts';
import { TagTest } from '../../actors/filter/tag-test.ts';
import { encodeMessageRecord } from '../../model/message-record.ts';

const MEASURE_MS = 2_000;
const GROUP = Buffer.from('CG_bench');

function batch(bodyBytes: number): Uint8Array {
  const records = Array.from({ length: PLUGIN_BATCH_MAX }, (_, i) => {
    const properties = {
      UNIQ_KEY: `7F00000100000000000000000000${String(i).padStart(4, '0')}`,
      CLUSTER: 'DefaultCluster',
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
      amount: String(i),
      TAGS: 'A',
    };
    const text = Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`);
    return encodeMessageRecord({ topic: 'orders', queueOffset: i, body: Buffer.alloc(bodyBytes, 97), properties: text.join('') });
  });
  return Buffer.concat(records);
}

async function measure(text: string, bodyBytes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plugin-bench-'));
  const file = join(folder, 'p.mjs');
  writeFileSync(file, text);
  const exchange = allocateExchange(1);
  let ended: () => void = () => {};
  const exit = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const worker = new PluginWorker(
    { plugin: 'p', file: pathToFileURL(file).href, source: null, generation: 1, exchange, memoryMb: 64 },
    { exited: ended, printed: console.log },
  );
  const loaded = await worker.load(5_000);
  if (!loaded.ok) throw new Error(loaded.fault);
  const watch = new ExchangeWatch(exchange);
  watch.serve(1);
  const port = new ExchangePort(exchange, 0);
  const verdicts = new Verdicts();
  const records = batch(bodyBytes);
  const count = Math.min(PLUGIN_BATCH_MAX, Math.floor((256 * 1024) / (records.length / PLUGIN_BATCH_MAX)));
  const length = (records.length / PLUGIN_BATCH_MAX) * count;
  const run = async (ms: number): Promise<number> => {
    const until = performance.now() + ms;
    let judged = 0;
    let out = 0;
    const busy = new Array<boolean>(PLUGIN_SLOTS).fill(false);
    for (;;) {
      const seen = port.replies;
      for (let slot = 0; slot < PLUGIN_SLOTS; slot++) {
        if (busy[slot] && port.take(slot, verdicts)) {
          judged += verdicts.looked;
          busy[slot] = false;
          out--;
        }
        if (!busy[slot] && performance.now() < until) {
          port.submit(slot, GROUP, records, length, count);
          busy[slot] = true;
          out++;
        }
      }
      if (out === 0) return judged;
      await port.whenAnswered(seen);
    }
  };
  await run(500);
  const before = process.cpuUsage();
  const began = performance.now();
  const judged = await run(MEASURE_MS);
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(before);
  const rate = (judged / seconds / 1000).toFixed(0).padStart(5);
  const cpu = ((used.user + used.system) / judged).toFixed(2);
  console.log(`${rate} k/s  ${cpu} µs of processor time a message, both threads  ${bodyBytes} B  ${text.replaceAll('\n', ' ')}`);
  worker.end();
  await exit;
  rmSync(folder, { recursive: true });
}

await measure('export default () => true;', 128);
await measure("export default (message) => Number(message.property('amount')) > 100;", 128);
await measure("export default (message) => Number(message.property('amount')) > 100;", 1024);
await measure("export default ({ properties }) => properties.TAGS === 'A' && Number(properties.amount) > 100;", 128);
await measure('export default (message) => message.body[0] === 97;', 1024);
await measure("export default (message) => message.text.includes('b');", 1024);

const records = batch(1024);
const tags = new TagTest(['A']);
const rounds = 20_000;
for (let round = 0; round < rounds / 10; round++) tags.all(records, 0, records.length);
const before = process.cpuUsage();
for (let round = 0; round < rounds; round++) tags.all(records, 0, records.length);
const used = process.cpuUsage(before);
console.log(`${(((used.user + used.system) * 1000) / (rounds * PLUGIN_BATCH_MAX)).toFixed(1)} ns  the comparison of a tag`);
