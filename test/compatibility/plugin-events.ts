/**
 * What scenarios ask for about filter plugins: a file saved into the broker's plugin folder, and the stock admin tool to bind a topic to it. Owns the
 * tool's process. Fails by rejecting with what the tool printed.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RingmqProcess } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';
import { AdminTool } from './admin-tool.ts';

const TOOL_VERSION = '5.3.3';
const FILTERS: Readonly<Record<string, string>> = {
  even: "(message) => Number(message.property('n')) % 2 === 0",
  all: '() => true',
};

/** `plugin NAME FILTER` saves a version of a plugin, `bind TOPIC NAME` binds a topic to it; resolves when it serves, or stands. */
export async function onPluginEvent(event: string, ringmq: RingmqProcess): Promise<void> {
  const [what, first = '', second = ''] = event.split(' ');
  if (what === 'plugin') await savePlugin(ringmq, first, FILTERS[second] ?? '() => false');
  else await bindTopic(ringmq, first, second);
}

async function savePlugin(ringmq: RingmqProcess, name: string, filter: string): Promise<void> {
  const loads = async (): Promise<number> => {
    const page = await (await fetch(`http://${ringmq.admin}/metrics`)).text();
    return Number(new RegExp(`^ringmq_plugin_loads_total\\{.*plugin="${name}"\\} (\\d+)$`, 'm').exec(page)?.[1] ?? 0);
  };
  const before = await loads();
  const folder = join(ringmq.dataDir, 'plugins');
  mkdirSync(folder, { recursive: true });
  const draft = join(ringmq.dataDir, `${name}.draft`);
  writeFileSync(draft, `export default ${filter};\n`);
  renameSync(draft, join(folder, `${name}.js`));
  await waitUntil(`plugin ${name}`, async () => (await loads()) > before);
}

async function bindTopic(ringmq: RingmqProcess, topic: string, plugin: string): Promise<void> {
  const tool = new AdminTool(TOOL_VERSION, ringmq.dataDir);
  try {
    const queues = ['-r', '4', '-w', '4'];
    const output = await tool.run([
      'updateTopic',
      '-n',
      ringmq.nameServer,
      '-c',
      'DefaultCluster',
      '-t',
      topic,
      ...queues,
      '-a',
      `+filter.plugin=${plugin}`,
    ]);
    if (!output.includes('create topic to')) throw new Error(`mqadmin updateTopic: ${output}`);
  } finally {
    await tool.close();
  }
}
