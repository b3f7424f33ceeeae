/**
 * What becomes of a message that a consumer gave back: a later attempt, or the group's dead letters. Pure.
 * Source: RocketMQ 5.4 `AbstractSendMessageProcessor.consumerSendMsgBack`.
 */
import { DELAY_TIME_LEVEL, ORIGIN_MESSAGE_ID, RETRY_TOPIC } from '../../model/message-property.ts';

export type SentBack = {
  /** As the client wants it: 0 the broker chooses, negative never again. */
  readonly delayLevel: number;
  /** Attempts that the message has had. */
  readonly reconsumeTimes: number;
  /** As the client says it; null: not said, or a client that does not know of it. */
  readonly maxReconsumeTimes: number | null;
  /** The group's. */
  readonly retryMaxTimes: number;
};

/** Level of the first attempt again; each further one waits a level longer. */
const FIRST_LEVEL = 3;

/** The delay level before the next attempt; 0: to the dead letters. */
export function decideSendBack({ delayLevel, reconsumeTimes, maxReconsumeTimes, retryMaxTimes }: SentBack): number {
  if (reconsumeTimes >= (maxReconsumeTimes ?? retryMaxTimes) || delayLevel < 0) return 0;
  return delayLevel === 0 ? FIRST_LEVEL + Math.max(0, reconsumeTimes) : delayLevel;
}

/** The properties with which a message goes back: where it came from first, and when it is to come again. */
export function sentBackProperties(
  properties: ReadonlyMap<string, string>,
  origin: { readonly topic: string; readonly messageId: string },
  delayLevel: number,
): Map<string, string> {
  const back = new Map(properties);
  if (!back.has(RETRY_TOPIC)) back.set(RETRY_TOPIC, origin.topic);
  back.set(DELAY_TIME_LEVEL, String(delayLevel));
  const first = back.get(ORIGIN_MESSAGE_ID);
  if (first === undefined || first.trim() === '') back.set(ORIGIN_MESSAGE_ID, origin.messageId);
  return back;
}
