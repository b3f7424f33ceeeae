/** A folder of filter plugins, for brokers of a test, and the requests that bind a topic or a group to one. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
