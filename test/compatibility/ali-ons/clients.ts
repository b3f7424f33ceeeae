/** Clients of `ali-ons` set up the way the scenarios want them, and what they received; nothing in the client itself is changed. */
import assert from 'node:assert/strict';
import {
  type AliConsumer,
  type AliMessage,
  type AliOptions,
  type AliProducer,
  type AliSendResult,
  aliOns,
  silentLogger,
} from '../../support/ali-ons.ts';
import { pause, waitUntil } from '../../support/wait-until.ts';

/** What one scenario has: addresses, names, a place for its figures, and what is closed behind it. */
export type Run = { nameServer: string; topic: string; group: string; detail: Record<string, unknown>; closers: (() => Promise<void>)[] };
export type Received = { messages: AliMessage[]; bodies: Set<string> };

let nextInstance = 1;
/** What clients have reported since the scenario began. */
export const errors: string[] = [];

export async function producer(run: Run, more: Partial<AliOptions> = {}): Promise<AliProducer> {
  const made = new aliOns.Producer({
    nameSrv: run.nameServer.split(';'),
    httpclient: {},
    logger: silentLogger,
    producerGroup: `P_${run.group}`,
    instanceName: `producer-${nextInstance++}`,
    ...more,
  });
  made.on('error', (error) => errors.push(`producer: ${error.message}`));
  await made.ready();
  run.closers.push(() => made.close());
  return made;
}

export async function consumer(
  run: Run,
  expression: string,
  more: Partial<AliOptions> = {},
  handle: (message: AliMessage) => void = () => undefined,
): Promise<{ client: AliConsumer; received: Received; close(): Promise<void> }> {
  const received: Received = { messages: [], bodies: new Set() };
  const client = new aliOns.Consumer({
    nameSrv: run.nameServer.split(';'),
    httpclient: {},
    logger: silentLogger,
    consumerGroup: run.group,
    instanceName: `consumer-${nextInstance++}`,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    rebalanceInterval: 1_000,
    ...more,
  });
  let isClosed = false;
  client.on('error', (error) => {
    // Its timers may still ask over the socket that it closes: that error is its own.
    if (!isClosed) errors.push(`consumer: ${error.message}`);
  });
  client.subscribe(run.topic, expression, async (message) => {
    received.messages.push(message);
    received.bodies.add(message.body.toString('utf8'));
    handle(message);
  });
  await client.ready();
  const close = async (): Promise<void> => {
    if (!isClosed) {
      isClosed = true;
      await client.close();
    }
  };
  run.closers.push(close);
  return { client, received, close };
}

export function message(run: Run, tag: string, body: string | Buffer): AliMessage {
  return new aliOns.Message(run.topic, tag, body);
}

export async function send(run: Run, from: AliProducer, tag: string, count: number): Promise<AliSendResult[]> {
  const results: AliSendResult[] = [];
  for (let i = 0; i < count; i++) {
    const result = await from.send(message(run, tag, `${tag} ${i}`));
    assert.equal(result.sendStatus, 'SEND_OK', `status of ${tag} ${i}`);
    results.push(result);
  }
  return results;
}

/** Waits for `expected` messages, then a little longer for any that should not come. */
export async function exactly(received: Received, expected: number, what: string): Promise<void> {
  await waitUntil(
    `${expected} messages for ${what}`,
    () => received.bodies.size >= expected || (errors.length > 50 && errors.join('; ')),
    45_000,
  );
  await pause(300);
  assert.equal(received.bodies.size, expected, `distinct messages for ${what}`);
  assert.equal(received.messages.length, expected, `deliveries to ${what}`);
}
