/**
 * A message as it comes: a stored record with its body inflated and its properties parsed. Bytes from a broker are not trusted: what is no record
 * is MQ_CLIENT_BAD_ANSWER; a body that does not inflate, or to too much, is the message's own fault (`bodyFault`).
 * Source: RocketMQ 5.3 `MessageExt`, `MessageDecoder`, `PullAPIWrapper`.
 */
import { inflateSync } from 'node:zlib';
import { MessageRecordError } from '../model/errors.ts';
import { formatMessageId } from '../model/message-id.ts';
import * as property from '../model/message-property.ts';
import { decodeMessageRecords, type Host, type MessageRecord } from '../model/message-record.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { compressionType } from '../model/system-flag.ts';
import { isRetryTopic } from '../model/topic.ts';
import { ClientError, errorText } from './errors.ts';

/** An inflated body larger than this is a bomb: brokers take 4 MiB if nobody says otherwise. */
export const INFLATED_BYTES_MAX = 64 * 1024 * 1024;

export type Message = {
  /** Where it was sent to, also when it comes again by way of the group's retry topic. */
  readonly topic: string;
  readonly body: Uint8Array;
  readonly tag: string | null;
  readonly keys: readonly string[];
  /** All properties, RocketMQ's own included. */
  readonly properties: ReadonlyMap<string, string>;
  /** The producer's id of the message (UNIQ_KEY); the broker's id when there is none. */
  readonly messageId: string;
  /** The broker's id: where it lies. */
  readonly offsetMessageId: string;
  /** The queue that it was read from: of the retry topic when it comes again. */
  readonly queue: MessageQueue;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  /** Milliseconds since 1970, by the producer's clock. */
  readonly bornTimestamp: number;
  /** By the broker's. */
  readonly storeTimestamp: number;
  /** `address:port` */
  readonly bornHost: string;
  readonly storeHost: string;
  /** How often it was tried before. */
  readonly reconsumeTimes: number;
  readonly flag: number;
  readonly sysFlag: number;
  /** Bytes of its record: what it counts in limits. */
  readonly recordBytes: number;
  /** Why the body is not what was sent; null: it is. */
  readonly bodyFault: string | null;
};

/** The messages in the body of a pull's answer. Throws ClientError. */
export function receiveMessages(brokerName: string, address: string, body: Uint8Array): Message[] {
  try {
    return decodeMessageRecords(body).map((record) => {
      // Beyond this an offset is not exact, and no broker has come so far.
      if (!Number.isSafeInteger(record.queueOffset) || !Number.isSafeInteger(record.physicalOffset))
        throw new MessageRecordError(`its offsets are ${record.queueOffset} and ${record.physicalOffset}`, 0);
      return receivedMessage(brokerName, record);
    });
  } catch (cause) {
    if (!(cause instanceof MessageRecordError)) throw cause;
    throw new ClientError('MQ_CLIENT_BAD_ANSWER', `${address} gave messages that cannot be read: ${cause.message}`, { address, cause });
  }
}

function receivedMessage(brokerName: string, record: MessageRecord): Message {
  const properties = property.parseProperties(record.properties);
  const offsetMessageId = formatMessageId(record.storeHost, record.physicalOffset);
  const origin = isRetryTopic(record.topic) ? properties.get(property.RETRY_TOPIC) : undefined;
  const { body, fault } = inflated(record);
  return {
    topic: origin ?? record.topic,
    body,
    tag: properties.get(property.TAGS) ?? null,
    keys: property.splitKeys(properties.get(property.KEYS) ?? ''),
    properties,
    messageId: properties.get(property.UNIQ_KEY) ?? offsetMessageId,
    offsetMessageId,
    queue: { topic: record.topic, brokerName, queueId: record.queueId },
    queueOffset: record.queueOffset,
    physicalOffset: record.physicalOffset,
    bornTimestamp: record.bornTimestamp,
    storeTimestamp: record.storeTimestamp,
    bornHost: hostText(record.bornHost),
    storeHost: hostText(record.storeHost),
    reconsumeTimes: record.reconsumeTimes,
    flag: record.flag,
    sysFlag: record.sysFlag,
    recordBytes: record.totalSize,
    bodyFault: fault,
  };
}

function inflated(record: MessageRecord): { readonly body: Uint8Array; readonly fault: string | null } {
  const type = compressionType(record.sysFlag);
  if (type === 'none') return { body: record.body, fault: null };
  if (type !== 'zlib') return { body: record.body, fault: `its body is compressed by ${type}; only zlib is read here` };
  try {
    return { body: inflateSync(record.body, { maxOutputLength: INFLATED_BYTES_MAX }), fault: null };
  } catch (error) {
    return { body: record.body, fault: `its body cannot be inflated: ${errorText(error)}` };
  }
}

function hostText(host: Host): string {
  const { address, port } = host;
  if (address.length === 4) return `${address.join('.')}:${port}`;
  const groups = Array.from({ length: 8 }, (_, index) => (((address[2 * index] ?? 0) << 8) | (address[2 * index + 1] ?? 0)).toString(16));
  return `[${groups.join(':')}]:${port}`;
}
