/**
 * Names of message properties and the text that carries them: `name \x01 value \x02 …`, in the record and in a send's header.
 * Neither separator can be escaped. Source: RocketMQ 5.3 `MessageConst`, `MessageDecoder.string2messageProperties`.
 */

export const NAME_VALUE_SEPARATOR = 0x01;
export const PROPERTY_SEPARATOR = 0x02;

export const KEYS = 'KEYS';
export const TAGS = 'TAGS';
export const WAIT_STORE_MSG_OK = 'WAIT';
export const DELAY_TIME_LEVEL = 'DELAY';
export const RETRY_TOPIC = 'RETRY_TOPIC';
export const REAL_TOPIC = 'REAL_TOPIC';
export const REAL_QUEUE_ID = 'REAL_QID';
export const TRANSACTION_PREPARED = 'TRAN_MSG';
export const PRODUCER_GROUP = 'PGROUP';
export const MIN_OFFSET = 'MIN_OFFSET';
export const MAX_OFFSET = 'MAX_OFFSET';
export const ORIGIN_MESSAGE_ID = 'ORIGIN_MESSAGE_ID';
export const RECONSUME_TIME = 'RECONSUME_TIME';
export const MAX_RECONSUME_TIMES = 'MAX_RECONSUME_TIMES';
export const MSG_REGION = 'MSG_REGION';
export const TRACE_SWITCH = 'TRACE_ON';
export const UNIQ_KEY = 'UNIQ_KEY';
export const INNER_NUM = 'INNER_NUM';
export const INNER_BASE = 'INNER_BASE';
export const CHECK_IMMUNITY_TIME_IN_SECONDS = 'CHECK_IMMUNITY_TIME_IN_SECONDS';
export const TRANSACTION_PREPARED_QUEUE_OFFSET = 'TRAN_PREPARED_QUEUE_OFFSET';
export const TRANSACTION_CHECK_TIMES = 'TRANSACTION_CHECK_TIMES';
/** Ringmq's own: the queue offset that a half message had first; on one that was stored again, by which it is known to be the same. */
export const TRANSACTION_ORIGIN_QUEUE_OFFSET = 'TRAN_ORIGIN_QUEUE_OFFSET';
/** Ringmq's own, on an op record: so many records before it went to the log in one piece with it. Without one of them it says nothing. */
export const TRANSACTION_RECORDS_BEFORE = 'TRAN_RECORDS_BEFORE';
export const TRANSACTION_ID = '__transactionId__';
export const INSTANCE_ID = 'INSTANCE_ID';
export const CORRELATION_ID = 'CORRELATION_ID';
export const REPLY_TO_CLIENT = 'REPLY_TO_CLIENT';
export const MESSAGE_TTL = 'TTL';
export const CLUSTER = 'CLUSTER';
export const MESSAGE_TYPE = 'MSG_TYPE';
export const PUSH_REPLY_TIME = 'PUSH_REPLY_TIME';
export const POP_CK = 'POP_CK';
export const POP_CK_OFFSET = 'POP_CK_OFFSET';
export const FIRST_POP_TIME = '1ST_POP_TIME';
export const SHARDING_KEY = '__SHARDINGKEY';
export const TIMER_DELAY_SEC = 'TIMER_DELAY_SEC';
export const TIMER_DELAY_MS = 'TIMER_DELAY_MS';
export const TIMER_DELIVER_MS = 'TIMER_DELIVER_MS';
export const TIMER_OUT_MS = 'TIMER_OUT_MS';
export const TIMER_ENQUEUE_MS = 'TIMER_ENQUEUE_MS';
export const TIMER_DEQUEUE_MS = 'TIMER_DEQUEUE_MS';
export const TIMER_ROLL_TIMES = 'TIMER_ROLL_TIMES';
export const TIMER_DEL_UNIQKEY = 'TIMER_DEL_UNIQKEY';
/** Ours, on parked messages only: the client's exact time of delivery, and when a message that waits for long is stored anew. */
export const RINGMQ_DELIVER_MS = '__RINGMQ_DELIVER_MS';
export const RINGMQ_WAKE_MS = '__RINGMQ_WAKE_MS';
export const DLQ_ORIGIN_TOPIC = 'DLQ_ORIGIN_TOPIC';
export const DLQ_ORIGIN_MESSAGE_ID = 'DLQ_ORIGIN_MESSAGE_ID';
export const CRC32 = '__CRC32#';
/** Properties of this prefix are never stored. */
export const TRANSIENT_PREFIX = '__RMQ.TRANSIENT.';

/**
 * The properties of a record's text, in its order; a name that comes again keeps its last value. Items without a separator, with an
 * empty name or an empty value are skipped, as Java's parser skips them.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\u0002', start);
    const end = found < 0 ? text.length : found;
    const middle = text.indexOf('\u0001', start);
    if (middle > start && middle < end - 1) properties.set(text.slice(start, middle), text.slice(middle + 1, end));
    start = end + 1;
  }
  return properties;
}

/** The text of properties, each ended by \x02. */
export function formatProperties(properties: Iterable<readonly [string, string]>): string {
  let text = '';
  for (const [name, value] of properties) text += `${name}\u0001${value}\u0002`;
  return text;
}

/** The keys of a KEYS value: separated by blanks, empty ones dropped. */
export function splitKeys(keys: string): string[] {
  return keys.split(' ').filter((key) => key !== '');
}
