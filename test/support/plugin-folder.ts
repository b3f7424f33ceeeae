/** A folder of filter plugins, for brokers of a test, and the requests that bind a topic or a group to one. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PullOptions, pullMessages, sendMessage } from './broker-client.ts';
import type { RawFrame } from './raw-frame.ts';
import type { RemotingClient } from './remoting-client.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type PluginFolder = {
  readonly path: string;
  /** Puts a file into it at once, as an editor that saves does. */
  save(file: string, text: string): void;
  remove(file: string): void;
  destroy(): void;
};

export function pluginFolder(): PluginFolder {
  const { path: root, remove } = temporaryDirectory();
  const path = join(root, 'plugins');
  mkdirSync(path);
  return {
    path,
    save: (file, text) => {
      const draft = join(root, `${file}.draft`);
      writeFileSync(draft, text);
      renameSync(draft, join(path, file));
    },
    remove: (file) => rmSync(join(path, file)),
    destroy: remove,
  };
}

/** Request 17, with attributes as an admin tool writes them (`+filter.plugin=name`). */
export function updateTopicAttributes(client: RemotingClient, topic: string, attributes: string, queues = 1): Promise<RawFrame> {
  const numbers = { readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicSysFlag: '0' };
  return client.request(17, { topic, defaultTopic: 'TBW102', topicFilterType: 'SINGLE_TAG', order: 'false', ...numbers, attributes });
}

/** Request 200, with attributes as an admin tool writes them. */
export function updateGroupAttributes(
  client: RemotingClient,
  group: string,
  attributes: Readonly<Record<string, string>>,
): Promise<RawFrame> {
  return client.request(200, {}, { body: Buffer.from(JSON.stringify({ groupName: group, attributes })) });
}

/** A plugin that lets numbers through for which the condition on `n` holds. */
export const byNumber = (condition: string): string =>
  `export default (message) => { const n = Number(message.property('n')); return ${condition}; };`;

/** Messages m0, m1 … with their number as property `n`, all to queue 0. */
export async function sendNumbers(client: RemotingClient, topic: string, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const answer = await sendMessage(client, topic, `m${n}`, { queueId: 0, properties: { n: String(n), TAGS: n % 2 === 0 ? 'Aa' : 'BB' } });
    if (answer.code !== 0) throw new Error(`send ${n}: ${answer.code} ${answer.remark}`);
  }
}

/** Bodies of all messages from `offset` on that pass, and where the last pull ended. */
export async function drainQueue(
  client: RemotingClient,
  topic: string,
  offset: number,
  options: PullOptions = {},
): Promise<[string[], number]> {
  const bodies: string[] = [];
  for (let next = offset; ; ) {
    const pulled = await pullMessages(client, topic, 0, next, { max: 32, ...options });
    bodies.push(...pulled.messages.map((message) => message.body.toString()));
    if (pulled.frame.code !== 0 && pulled.frame.code !== 20) return [bodies, pulled.next];
    next = pulled.next;
  }
}

/** The bodies of such messages. */
export const numbers = (from: number, to: number, step = 1): string[] => {
  const all: string[] = [];
  for (let n = from; n < to; n += step) all.push(`m${n}`);
  return all;
};
