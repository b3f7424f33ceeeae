/**
 * Transactions by raw requests: half messages, their ends, and a producer that answers checks. Owns nothing but the client it is given.
 */
import { type SendOptions, sendMessage } from './broker-client.ts';
import type { RawFrame } from './raw-frame.ts';
import { decodeMessages, type RawMessage } from './raw-message.ts';
import type { RemotingClient } from './remoting-client.ts';

export const HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const OP_TOPIC = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const GIVEN_UP_TOPIC = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const COMMIT = 8;
export const ROLLBACK = 12;
export const UNKNOWN = 0;

/** Where a half message lies. */
export type HalfPlace = { group: string; halfOffset: number; physical: number; id: string };

let sent = 0;

/** A half message of `group`; its answer is right or the test fails. */
export async function sendHalf(
  client: RemotingClient,
  topic: string,
  body: string,
  options: SendOptions & { group?: string } = {},
): Promise<HalfPlace> {
  const { group = 'PG_test', properties, ...rest } = options;
  const id = properties?.['UNIQ_KEY'] ?? `7F0000010000${(sent++).toString(16).toUpperCase().padStart(20, '0')}`;
  const all = { UNIQ_KEY: id, TRAN_MSG: 'true', PGROUP: group, WAIT: 'true', ...properties };
  const answer = await sendMessage(client, topic, body, { ...rest, properties: all, fields: { a: group, f: '4', ...rest.fields } });
  if (answer.code !== 0) throw new Error(`A half message was refused: ${answer.code} ${answer.remark}`);
  const messageId = String(answer.ext?.['msgId']);
  return { group, halfOffset: Number(answer.ext?.['queueOffset']), physical: Number.parseInt(messageId.slice(-16), 16), id };
}

function endFields(place: HalfPlace, outcome: number, isFromCheck: boolean): Record<string, string> {
  return {
    producerGroup: place.group,
    tranStateTableOffset: String(place.halfOffset),
    commitLogOffset: String(place.physical),
    commitOrRollback: String(outcome),
    fromTransactionCheck: String(isFromCheck),
    msgId: place.id,
    transactionId: place.id,
  };
}

/** Request 37, answered. */
export function endTransaction(
  client: RemotingClient,
  place: HalfPlace,
  outcome: number,
  isFromCheck = false,
  more: Record<string, string> = {},
): Promise<RawFrame> {
  return client.request(37, { ...endFields(place, outcome, isFromCheck), ...more });
}

/** Request 37 as clients send it. */
export function endOneway(client: RemotingClient, place: HalfPlace, outcome: number, isFromCheck = false): void {
  client.oneway(37, endFields(place, outcome, isFromCheck), {});
}

/** Makes the client a member of a producer group. */
export async function joinProducers(client: RemotingClient, clientId: string, group: string): Promise<void> {
  const body = Buffer.from(JSON.stringify({ clientID: clientId, producerDataSet: [{ groupName: group }], consumerDataSet: [] }));
  const answer = await client.request(34, {}, { body });
  if (answer.code !== 0) throw new Error(`Heartbeat: ${answer.code} ${answer.remark}`);
}

export type Check = { place: HalfPlace; message: RawMessage; frame: RawFrame };

/** Calls back for each check (39) that comes to the client. */
export function onChecks(client: RemotingClient, group: string, onCheck: (check: Check) => void): void {
  client.onPushed = (frame) => {
    if (frame.code !== 39) return;
    const [message] = decodeMessages(Buffer.from(frame.body));
    const field = (name: string): number => Number(frame.ext?.[name]);
    const place = {
      group,
      halfOffset: field('tranStateTableOffset'),
      physical: field('commitLogOffset'),
      id: String(frame.ext?.['transactionId']),
    };
    onCheck({ place, message: message!, frame });
  };
}
