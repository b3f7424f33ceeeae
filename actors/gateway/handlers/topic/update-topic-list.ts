/**
 * UPDATE_AND_CREATE_TOPIC_LIST (18): many topics in one request (`mqadmin updateTopicList`). Each is decided by itself; answered
 * when all are done, by the first refusal if there is one.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.updateAndCreateTopicList`.
 */
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import type { TopicReply, UpdateTopicCommand } from '../../../topic/topic-registry-actor.ts';
import { TOPIC_REGISTRY_PATH } from '../../../topic/topic-table-actor.ts';
import type { Handler } from '../../request.ts';
import { answerChange, TOPIC_CHANGE_MAX_MS } from './update-topic.ts';

const TOPICS_MAX = 1_000;

export function updateTopicList(thread: ThreadContext): Handler {
  const registry = thread.ref<UpdateTopicCommand>(TOPIC_REGISTRY_PATH);
  return (request) => {
    const commands = topicsOf(request.command.body);
    let waiting = commands.length;
    let failed: { readonly topic: string; readonly reply: TopicReply | undefined } | null = null;
    if (waiting === 0) request.answer(SUCCESS);
    for (const command of commands) {
      thread.ask<TopicReply, UpdateTopicCommand>(
        registry,
        (replyTo) => ({ ...command, replyTo }),
        TOPIC_CHANGE_MAX_MS,
        (reply) => {
          if (reply?.kind !== 'topic-ready') failed ??= { topic: command.topic, reply };
          waiting--;
          if (waiting > 0) return;
          if (failed === null) request.answer(SUCCESS);
          else answerChange(request, failed.topic, failed.reply);
        },
      );
    }
  };
}

function topicsOf(body: Uint8Array): Omit<UpdateTopicCommand, 'replyTo'>[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (cause) {
    throw new BodyError('The body is no topic list in JSON', { cause });
  }
  const list = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)['topicConfigList'] : null;
  if (!Array.isArray(list)) throw new BodyError('The body has no topicConfigList');
  if (list.length > TOPICS_MAX) throw new BodyError(`topicConfigList has ${list.length} topics, at most ${TOPICS_MAX} are taken at once`);
  return list.map(topicOf);
}

function topicOf(value: unknown): Omit<UpdateTopicCommand, 'replyTo'> {
  if (typeof value !== 'object' || value === null) throw new BodyError('topicConfigList holds something that is no topic');
  const topic = value as Record<string, unknown>;
  const name = topic['topicName'];
  if (typeof name !== 'string') throw new BodyError('topicConfigList holds a topic without topicName');
  return {
    kind: 'update-topic',
    topic: name,
    readQueueNums: number(topic, 'readQueueNums', 16),
    writeQueueNums: number(topic, 'writeQueueNums', 16),
    perm: number(topic, 'perm', 6),
    topicFilterType: topic['topicFilterType'] === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: number(topic, 'topicSysFlag', 0),
    order: topic['order'] === true,
    attributes: attributesOf(topic['attributes']),
  };
}

/** Java expects the `+` of request 17 before each key; without one it is meant all the same. */
function attributesOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const items = Object.entries(value).map(([key, text]) => `${key.startsWith('+') ? '' : '+'}${key}=${String(text)}`);
  return items.join(',');
}

function number(topic: Record<string, unknown>, name: string, absent: number): number {
  const value = topic[name] === undefined || topic[name] === null ? absent : Number(topic[name]);
  if (!Number.isInteger(value)) throw new BodyError(`${name} is no integer in a topic of topicConfigList`);
  return value;
}
