/**
 * One store directory that brokers of both makes open in turn, with the real jars: each finds every message of the other at its place,
 * goes on where it ended, and finds it by its key. In order, and after a kill -9.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { Verdict } from './client-programs.ts';
import { JavaServer } from './java-server.ts';
import { CHECK_SETTINGS, halvesInTurn, JAVA_SETTINGS, type StoreTurn } from './run-store-halves.ts';

export const STORE_SCENARIOS = ['store-in-turn', 'store-in-turn-killed', 'store-in-turn-halves'] as const;

const SEGMENT_BYTES = 1024 * 1024;
const TOPIC = 'in_turn';
const QUEUES = 4;
/** Each broker fills more than one segment. */
const MESSAGES = 600;
const BODY_BYTES = 3000;
const QUERY_MESSAGE = 12;
/** Nobody is there: the Java broker goes on without a name server. */
const NO_NAME_SERVER = '127.0.0.1:1';
const TURNS = ['ringmq', 'java', 'ringmq', 'java', 'ringmq'] as const;

type Settings = Readonly<Record<string, number>>;

async function startOurs(directory: string, more: Settings = {}): Promise<StoreTurn> {
  const settings = Object.entries({ mappedFileSizeCommitLog: SEGMENT_BYTES, ...more });
  const ringmq = await startRingmq({ dataDir: directory, args: settings.flatMap(([key, value]) => ['--set', `${key}=${value}`]) });
  return {
    address: ringmq.broker,
    end: async (isOrderly) => {
      if (isOrderly) await ringmq.stop();
      await ringmq.destroy();
    },
  };
}

async function startJava(version: string, directory: string, more: Settings = {}): Promise<StoreTurn> {
  const store = {
    ...more,
    storePathRootDir: directory,
    storePathCommitLog: join(directory, 'commitlog'),
    mappedFileSizeCommitLog: SEGMENT_BYTES,
  };
  const java = await JavaServer.broker(version, 'broker-a', NO_NAME_SERVER, store);
  return {
    address: java.address,
    end: async (isOrderly) => {
      if (isOrderly) await java.stop();
      await java.kill();
    },
  };
}

/** Sends more messages to each queue; they go on at the offsets where the former broker ended. */
async function send(client: RemotingClient, turn: number, all: Map<string, string>): Promise<void> {
  for (let number = 0; number < MESSAGES; number += QUEUES) {
    await Promise.all(
      Array.from({ length: QUEUES }, async (_, queueId) => {
        const body = `${turn}-${number + queueId}`.padEnd(BODY_BYTES, '.');
        const options = {
          queueId,
          properties: { KEYS: `key-${turn}-${number + queueId}`, UNIQ_KEY: `U${turn}-${number + queueId}`, TAGS: 'A' },
        };
        const { code, remark, ext } = await sendMessage(client, TOPIC, body, options);
        assert.equal(code, 0, `send ${number} of turn ${turn}: ${remark}`);
        all.set(body, `${queueId}/${ext?.['queueOffset']}`);
      }),
    );
  }
}

async function check(client: RemotingClient, all: ReadonlyMap<string, string>, what: string): Promise<void> {
  const found = new Map<string, string>();
  let count = 0;
  for (let queue = 0; queue < QUEUES; queue++) {
    // A Java broker dispatches the log's tail after it says that it is there.
    const expected = [...all.values()].filter((place) => place.startsWith(`${queue}/`)).length;
    if (expected === 0) continue;
    await waitUntil(
      `${what}: queue ${queue} to end at ${expected}`,
      async () => (await queueOffset(client, 30, TOPIC, queue)) >= expected,
      30_000,
    );
    const messages = await readQueue(client, TOPIC, queue);
    for (const [index, message] of messages.entries()) {
      assert.equal(message.queueOffset, index, `${what}: offsets of queue ${queue} have no gap`);
      found.set(message.body.toString(), `${queue}/${message.queueOffset}`);
      count++;
    }
  }
  for (const [body, place] of all) assert.equal(found.get(body), place, `${what}: ${body.slice(0, 12)} is at its place`);
  assert.equal(count, all.size, `${what}: nothing else is there`);
}

async function checkKeys(client: RemotingClient, turns: number, what: string): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (const number of [0, MESSAGES - 1]) {
      const fields = {
        topic: TOPIC,
        key: `key-${turn}-${number}`,
        maxNum: '8',
        beginTimestamp: '0',
        endTimestamp: String(Date.now() + 1000),
      };
      // Java indexes behind its acknowledgements.
      await waitUntil(
        `${what}: the key of message ${number} of turn ${turn}`,
        async () => (await client.request(QUERY_MESSAGE, fields)).code === 0,
        30_000,
      );
    }
  }
}

async function inTurn(version: string, isOrderly: boolean): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'ringmq-in-turn-'));
  const all = new Map<string, string>();
  try {
    for (const [turn, make] of TURNS.entries()) {
      const broker = make === 'ringmq' ? await startOurs(directory) : await startJava(version, directory);
      try {
        const client = await RemotingClient.connect(broker.address);
        const what = `turn ${turn} (${make})`;
        await check(client, all, what);
        await checkKeys(client, turn, what);
        await send(client, turn, all);
        await check(client, all, `${what} with its own`);
        await client.close();
      } finally {
        await broker.end(isOrderly);
      }
    }
    return { messages: all.size, turns: TURNS.join(' ') };
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function halves(version: string): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'ringmq-in-turn-'));
  try {
    return await halvesInTurn(
      (make) => (make === 'ringmq' ? startOurs(directory, CHECK_SETTINGS) : startJava(version, directory, JAVA_SETTINGS)),
      ['ringmq', 'java', 'ringmq', 'java'],
    );
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @param version of the Java broker */
export async function runStores(
  version: string,
  scenarios: readonly (typeof STORE_SCENARIOS)[number][],
  onVerdict: (verdict: Verdict) => void,
): Promise<void> {
  for (const scenario of scenarios) {
    const begin = performance.now();
    try {
      const detail = await (scenario === 'store-in-turn-halves' ? halves(version) : inTurn(version, scenario === 'store-in-turn'));
      onVerdict({ scenario, ok: true, ms: Math.round(performance.now() - begin), detail });
    } catch (error) {
      onVerdict({ scenario, ok: false, ms: Math.round(performance.now() - begin), error: String(error), detail: {} });
    }
  }
}
