/**
 * A message queue in a body. Source: RocketMQ `MessageQueue`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import type { BodyReader } from './body-reader.ts';

export function readMessageQueue(reader: BodyReader): MessageQueue {
  return { brokerName: reader.string('brokerName'), queueId: reader.int('queueId', 0), topic: reader.string('topic') };
}
