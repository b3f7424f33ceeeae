/**
 * QUERY_MESSAGE (12): the newest messages of a topic with a key, or with a unique key, stored within a window of time; the oldest of
 * them first. Keys are found by their hash: messages of another topic are left out here, those with another key by the client. A
 * message is found as soon as it is acknowledged.
 * Answers: 0 the records, with how far the index has come; 1 a field is missing or no number; 22 there are none; 29 a name that no
 * message can have; 2 ask again later; 215 the client does not read its answers.
 * Source: RocketMQ 5.3 `QueryMessageProcessor.queryMessage`, `DefaultMessageStore.queryMessage`.
 */
import { PROPERTIES_BYTES_MAX } from '../../../../model/message-record.ts';
import { decodeQueryMessageRequest } from '../../../../protocol/remoting/requests/query-message.ts';
import { INVALID_PARAMETER, QUERY_NOT_FOUND, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { ActorRef } from '../../../../runtime/actor.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import type { MessageDoor } from '../../../message/message-door.ts';
import { type IndexFound, type QueryIndex, STORE_PATH } from '../../../store/store-messages.ts';
import type { Handler, Request } from '../../request.ts';
import { refuseView, takesAnswers } from './answer-viewed.ts';

/** Java's `maxMsgsNumBatch`: more are not given, whatever is asked for. */
const MESSAGES_MAX = 64;
/** Java's `defaultQueryMaxNum`, of those with one unique key. */
const UNIQUE_MESSAGES_MAX = 32;
/** Places looked at: other messages may have keys of the same hash. */
const PLACES_MAX = 1024;
/** All records of an answer: a frame's largest size, less its header. */
const BODY_BYTES_MAX = 16 * 1024 * 1024 - 64 * 1024;
const TOPIC_CHARS_MAX = 255;
const QUERY_MAX_MS = 2_500;
/** `indexType` of a query by tag, which newer tools know; tags are not in the index. */
const TAG_INDEX = 'T';

const NOT_FOUND = 'can not find message, maybe time range not correct';
const OFF = 'the index of this broker is switched off, set messageIndexEnable=true and start it again';
const CUT = 'too many newer messages have this key; ask for a later time';

export function queryMessage(thread: ThreadContext, door: MessageDoor): Handler {
  const store: ActorRef<QueryIndex> = thread.ref(STORE_PATH);
  return (request) => {
    const { topic, key, maxNum, beginTimestamp, endTimestamp, _UNIQUE_KEY_QUERY } = decodeQueryMessageRequest(request.command.ext);
    const fault = faultOf(topic, key);
    if (fault !== '') return request.answer(INVALID_PARAMETER, fault);
    if (maxNum < 0)
      return request.answer(SYSTEM_ERROR, `The header field maxNum is ${maxNum}; 1 to ${MESSAGES_MAX} messages can be asked for`);
    if (request.command.ext.get('indexType') === TAG_INDEX)
      return request.answer(
        QUERY_NOT_FOUND,
        'the index of this broker has keys and unique keys, no tags; read the topic with a tag filter',
      );
    const countMax = _UNIQUE_KEY_QUERY === true ? UNIQUE_MESSAGES_MAX : Math.min(maxNum, MESSAGES_MAX);
    thread.ask<IndexFound, QueryIndex>(
      store,
      (replyTo) => ({ kind: 'query-index', topic, key, max: PLACES_MAX, begin: beginTimestamp, end: endTimestamp, replyTo }),
      QUERY_MAX_MS,
      (found) => {
        if (found === undefined) request.answer(SYSTEM_BUSY, `the store gave no answer within ${QUERY_MAX_MS} ms; try again`);
        else if (found.error !== '') request.answer(SYSTEM_ERROR, `the index cannot be read: ${found.error}`);
        else {
          const window = { topic, begin: beginTimestamp, end: endTimestamp, countMax, bytesMax: BODY_BYTES_MAX };
          const isAwaited = (): boolean => takesAnswers(request.connection);
          door.view({ ...window, physical: found.physical, isAwaited }, (records) => answer(request, found, records));
        }
        thread.requestTurn();
      },
    );
  };
}

function answer(request: Request, found: IndexFound, records: Uint8Array | null): void {
  if (records === null) refuseView(request);
  else if (records.length > 0) request.answer(SUCCESS, null, indexEnd(found.endTimestamp, found.endPosition), records);
  else request.answer(QUERY_NOT_FOUND, notFound(found), indexEnd(0, 0));
}

function notFound({ isCut, isOff }: IndexFound): string {
  if (isOff) return `${NOT_FOUND}: ${OFF}`;
  return isCut ? `${NOT_FOUND}: ${CUT}` : NOT_FOUND;
}

/** Fields of the answer: how far the index has come; Java says 0 when nothing is found. */
function indexEnd(timestamp: number, position: number): Record<string, string> {
  return { indexLastUpdateTimestamp: String(timestamp), indexLastUpdatePhyoffset: String(position) };
}

/** Why no message can have this topic and key; empty: one can. */
function faultOf(topic: string, key: string): string {
  if (topic.length > TOPIC_CHARS_MAX)
    return `The header field topic has ${topic.length} characters; a topic has at most ${TOPIC_CHARS_MAX}`;
  if (key.length > PROPERTIES_BYTES_MAX)
    return `The header field key has ${key.length} characters; a message's properties have at most ${PROPERTIES_BYTES_MAX} bytes`;
  return '';
}
