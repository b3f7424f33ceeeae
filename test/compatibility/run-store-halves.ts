/**
 * A store with transactions that nobody has ended yet, opened by brokers of both makes in turn, with the real jars: each asks the producers about
 * the open ones and about no others, also about those that the other has stored again, and what is committed comes once.
 */
import assert from 'node:assert/strict';
import { readQueue } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type Check, COMMIT, endOneway, endTransaction, joinProducers, onChecks, ROLLBACK, sendHalf } from '../support/transactions.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A broker that has the store for a while. */
export type StoreTurn = { readonly address: string; end(isOrderly: boolean): Promise<void> };

const TOPIC = 'in_turn_halves';
const GROUP = 'PG_in_turn';
const QUEUES = 4;
const EACH = 6;
const MS_MAX = 60_000;
/** So long nothing more is asked for: some intervals of checks. */
const REST_MS = 7_000;
export const CHECK_SETTINGS = { transactionTimeOut: 2000, transactionCheckInterval: 3000, transactionCheckMax: 1000 } as const;
/** A Java broker writes the ends down some seconds late, and stores anew what it checks in between, which then stays open for ever: not here. */
export const JAVA_SETTINGS = { ...CHECK_SETTINGS, transactionOpBatchInterval: 50 } as const;

async function visible(client: RemotingClient): Promise<string[]> {
  const bodies: string[] = [];
  for (let queue = 0; queue < QUEUES; queue++) for (const { body } of await readQueue(client, TOPIC, queue)) bodies.push(body.toString());
  return bodies.sort();
}

/** Half messages of which some are ended at once; gives the open ones. */
async function sendAll(client: RemotingClient, turn: number, committed: string[]): Promise<string[]> {
  const open: string[] = [];
  for (let number = 0; number < 3 * EACH; number++) {
    const body = `${turn}-${number}`;
    const place = await sendHalf(client, TOPIC, body, { group: GROUP, queueId: number % QUEUES, properties: { KEYS: body } });
    const outcome = [COMMIT, ROLLBACK, null][number % 3];
    if (outcome === null || outcome === undefined) open.push(body);
    // Java answers no word that it has no fault to find with; both take it one-way.
    else endOneway(client, place, outcome);
    if (outcome === COMMIT) committed.push(body);
  }
  return open;
}

/** @param start brokers by their make, with `CHECK_SETTINGS` @param turns the makes in order */
export async function halvesInTurn(
  start: (make: 'ringmq' | 'java') => Promise<StoreTurn>,
  turns: readonly ('ringmq' | 'java')[],
): Promise<Record<string, unknown>> {
  let open: string[] = [];
  const committed: string[] = [];
  let asked = 0;
  for (const [turn, make] of turns.entries()) {
    const broker = await start(make);
    const what = `turn ${turn} (${make})`;
    try {
      const client = await RemotingClient.connect(broker.address);
      const checks = new Map<string, Check>();
      onChecks(client, GROUP, (check) => checks.set(check.message.body.toString(), check));
      await joinProducers(client, 'c', GROUP);
      const former = open;
      open = [...former, ...(await sendAll(client, turn, committed))];
      await waitUntil(
        `${what}: ${committed.length} committed ones`,
        async () => (await visible(client)).length >= committed.length,
        MS_MAX,
      );
      const unasked = (): string => open.filter((body) => !checks.has(body)).join(' ');
      await waitUntil(`${what}: ${open.length} open ones to be asked about`, () => unasked() === '', MS_MAX).catch((error: unknown) =>
        assert.equal(unasked(), '', `${what}: asked about all open ones (${error})`),
      );
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      assert.deepEqual([...checks.keys()].sort(), [...open].sort(), `${what}: asked about the open ones alone`);
      asked += checks.size;
      // Half of what came with the store is ended here, by the place that the broker has named last.
      for (const [index, body] of former.entries()) {
        if (index % 2 === 1 && turn < turns.length - 1) continue;
        const isCommitted = index % 4 === 0;
        const { place } = checks.get(body)!;
        if (make === 'ringmq') assert.equal((await endTransaction(client, place, isCommitted ? COMMIT : ROLLBACK, true)).code, 0);
        else endOneway(client, place, isCommitted ? COMMIT : ROLLBACK, true);
        open = open.filter((one) => one !== body);
        if (isCommitted) committed.push(body);
      }
      await waitUntil(`${what}: what was asked about`, async () => (await visible(client)).length >= committed.length, MS_MAX);
      assert.deepEqual(await visible(client), [...committed].sort(), `${what}: the committed ones, each once`);
      await client.close();
    } finally {
      await broker.end(true);
    }
  }
  return { committed: committed.length, stillOpen: open.length, asked, turns: turns.join(' ') };
}
