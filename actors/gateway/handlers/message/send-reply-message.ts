/**
 * SEND_REPLY_MESSAGE (324) and SEND_REPLY_MESSAGE_V2 (325): a consumer's reply to a request. It is pushed (326) to the client that asked,
 * found by the property REPLY_TO_CLIENT, and stored beside that (`storeReplyMessageEnable`); the answer tells what became of the push.
 *
 * Answers 0 when the client took it, with the ids of the stored reply, or `msgId` 0 when nothing was stored (an empty one is not). 1: a field, no REPLY_TO_CLIENT, its client is not there, silent, gone or said no (the reply is stored all the same). Refused, and not stored:
 * 2 too many replies wait for their clients; 13 too long, a retry topic; 16 only the broker writes there; 17 and 29 the topic.
 * Source: RocketMQ 5.3 `ReplyMessageProcessor`.
 */
import { formatMessageId } from '../../../../model/message-id.ts';
import {
  formatProperties,
  MSG_REGION,
  PUSH_REPLY_TIME,
  parseProperties,
  REPLY_TO_CLIENT,
  TRACE_SWITCH,
} from '../../../../model/message-property.ts';
import { type Host, PROPERTIES_BYTES_MAX } from '../../../../model/message-record.ts';
import { PUSH_REPLY_MESSAGE_TO_CLIENT } from '../../../../protocol/remoting/request-code.ts';
import {
  encodePushReplyMessageToClientRequest,
  type PushReplyMessageToClientRequest,
} from '../../../../protocol/remoting/requests/push-reply-message-to-client.ts';
import { decodeSendMessageRequest, type SendMessageRequest } from '../../../../protocol/remoting/requests/send-message.ts';
import { MESSAGE_ILLEGAL, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import { appendWhenRoom } from '../../../commit-log/append-when-room.ts';
import type { Appended, InnerAppend, InnerMessage } from '../../../commit-log/inner-append.ts';
import { CALL_MAX_MS } from '../../../consumer-group/call-member.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { findProducer } from '../../../producer-group/find-producer.ts';
import type { CreateOnSend, TopicReply } from '../../../topic/topic-registry-actor.ts';
import { RETRY_SEND, type TopicState } from '../../../topic/topic-table.ts';
import type { AskClientWithBody, ClientAnswered } from '../../client-calls.ts';
import { hostBytes, hostOfBytes } from '../../client-connection.ts';
import type { LongBody } from '../../fetch-long.ts';
import { illegalSend, PROPERTIES_REMARK } from '../../illegal-send.ts';
import type { ConnectionRef, Handler, Request } from '../../request.ts';

export type ReplyParts = {
  readonly append: InnerAppend;
  /** Keeps what is too long for one message until the gateway of the client has fetched it. */
  readonly splitBody: (body: Uint8Array) => LongBody;
  readonly storeHost: Host;
  readonly region: string;
  readonly bodyBytesMax: number;
  readonly laneWaitMs: number;
  /** Whether replies are stored beside being pushed. */
  readonly isStored: boolean;
};

/** Bodies of one shard that wait for their clients' answers. */
const UNDER_WAY_BYTES_MAX = 32 * 1024 * 1024;
const SLACK_MS = 3_000;

export function sendReplyMessage(door: GroupDoor, parts: ReplyParts): Handler {
  let bytesUnderWay = 0;
  return (request) => {
    const header = decodeSendMessageRequest(request.command.ext);
    // The read buffer holds other frames before this one is answered.
    const body = Uint8Array.from(request.command.body);
    const bytes = body.length;
    if (bytesUnderWay + bytes > UNDER_WAY_BYTES_MAX) {
      const remark = `replies of ${bytesUnderWay} bytes wait for their clients, ${UNDER_WAY_BYTES_MAX} bytes is the most; send again later`;
      request.answer(SYSTEM_BUSY, remark);
      return;
    }
    withTopic(door, request, header, (topic) => {
      const fault = replyFault(topic, header, bytes, parts.bodyBytesMax);
      if (fault !== null) {
        request.answer(fault.code, fault.remark);
        return;
      }
      bytesUnderWay += bytes;
      new Reply(door, parts, request, header, topic, body, () => {
        bytesUnderWay -= bytes;
      }).begin();
    });
  };
}

function withTopic(door: GroupDoor, request: Request, header: SendMessageRequest, then: (topic: TopicState) => void): void {
  const known = door.topics.get(header.topic);
  if (known !== undefined) {
    then(known);
    return;
  }
  const { remoteAddress, remotePort } = request.connection;
  door.ask<TopicReply, CreateOnSend>(
    request,
    TOPIC_REGISTRY_PATH,
    (replyTo) => ({
      kind: 'create-on-send',
      topic: header.topic,
      defaultTopic: header.defaultTopic,
      queueNums: header.defaultTopicQueueNums,
      clientAddress: `${remoteAddress}:${remotePort}`,
      sysFlag: header.unitMode === true ? 1 : 0,
      replyTo,
    }),
    (reply) => {
      const made = door.topics.get(header.topic);
      if (reply.kind === 'topic-refused') request.answer(reply.code, reply.remark);
      else if (made === undefined) request.answer(SYSTEM_BUSY, `the topic[${header.topic}] is being made; send again`);
      else then(made);
    },
  );
}

function replyFault(
  topic: TopicState,
  header: SendMessageRequest,
  bodyBytes: number,
  bodyBytesMax: number,
): { readonly code: number; readonly remark: string } | null {
  if (topic.refusal === RETRY_SEND) {
    return {
      code: MESSAGE_ILLEGAL,
      remark: `a reply cannot go to the retry topic[${topic.name}]; send it to the reply topic of its cluster`,
    };
  }
  if (topic.refusal !== 0) {
    return {
      code: topic.refusal,
      remark: `the topic[${topic.name}] takes no messages from clients; send to the reply topic of its cluster`,
    };
  }
  const propertiesBytes = Buffer.byteLength(header.properties ?? '');
  if (propertiesBytes > PROPERTIES_BYTES_MAX) return { code: MESSAGE_ILLEGAL, remark: PROPERTIES_REMARK };
  // An empty one is passed on: the Go client's own way to make a reply forgets the body.
  return illegalSend(topic, header.queueId, Math.max(1, bodyBytes), propertiesBytes, bodyBytesMax);
}

/** One reply: pushed and stored at the same time, answered when both are done. */
class Reply {
  readonly #door: GroupDoor;
  readonly #parts: ReplyParts;
  readonly #request: Request;
  readonly #header: SendMessageRequest;
  readonly #topic: TopicState;
  readonly #onDone: () => void;
  readonly #queueId: number;
  readonly #properties: ReadonlyMap<string, string>;
  readonly #body: Uint8Array;
  #waitsFor = 2;
  /** Why the client did not get it; null: it did. */
  #pushFault: string | null = null;
  #stored: Appended | null = null;

  constructor(
    door: GroupDoor,
    parts: ReplyParts,
    request: Request,
    header: SendMessageRequest,
    topic: TopicState,
    body: Uint8Array,
    onDone: () => void,
  ) {
    this.#door = door;
    this.#parts = parts;
    this.#request = request;
    this.#header = header;
    this.#topic = topic;
    this.#onDone = onDone;
    this.#queueId = header.queueId >= 0 ? header.queueId : Math.floor(door.thread.random() * Math.max(1, topic.writeQueues));
    this.#properties = parseProperties(header.properties ?? '');
    this.#body = body;
  }

  begin(): void {
    const clientId = this.#properties.get(REPLY_TO_CLIENT);
    if (clientId === undefined) {
      this.#pushed(`reply message properties[${REPLY_TO_CLIENT}] is null: send the one that the request has`);
    } else {
      findProducer(this.#door, this.#request.connection.shard, clientId, (where) => {
        if (where === null) this.#pushed(`push reply message fail, channel of <${clientId}> not found.`);
        else this.#push(where, clientId);
      });
    }
    this.#store();
  }

  #push({ shard, connection }: ConnectionRef, clientId: string): void {
    const { thread } = this.#door;
    const ext = this.#pushHeader();
    const long = this.#parts.splitBody(this.#body);
    thread.ask<ClientAnswered, AskClientWithBody>(
      thread.ref(`gateway/${shard}`),
      (replyTo) => ({
        kind: 'ask-client-with-body',
        connection,
        code: PUSH_REPLY_MESSAGE_TO_CLIENT,
        ext,
        timeoutMs: CALL_MAX_MS,
        ...long,
        bodyShard: this.#request.connection.shard,
        replyTo,
      }),
      CALL_MAX_MS + SLACK_MS,
      (answered) => this.#pushed(pushFault(clientId, answered)),
    );
  }

  #pushHeader(): Record<string, string> {
    const { maxReconsumeTimes: _, batch: __, ...header } = this.#header;
    const { remoteAddress, remotePort } = this.#request.connection;
    const now = this.#door.thread.now();
    const pushed: PushReplyMessageToClientRequest = {
      ...header,
      properties: formatProperties(new Map(this.#properties).set(PUSH_REPLY_TIME, String(now))),
      bornHost: `${remoteAddress}:${remotePort}`,
      storeHost: this.#door.broker.address,
      storeTimestamp: now,
    };
    const ext: Record<string, string> = {};
    for (const [name, value] of Object.entries(encodePushReplyMessageToClientRequest(pushed))) {
      if (value !== null && value !== undefined) ext[name] = String(value);
    }
    return ext;
  }

  #pushed(fault: string | null): void {
    this.#pushFault = fault;
    this.#done();
  }

  #store(): void {
    const { append, isStored, laneWaitMs } = this.#parts;
    if (!isStored || this.#body.length === 0) {
      this.#done();
      return;
    }
    const { flag, sysFlag, bornTimestamp, reconsumeTimes } = this.#header;
    const { remoteAddress, remotePort } = this.#request.connection;
    const message: InnerMessage = {
      topic: this.#topic,
      queueId: this.#queueId,
      flag,
      sysFlag,
      bornTimestamp,
      bornHost: hostOfBytes(hostBytes(remoteAddress, remotePort)),
      reconsumeTimes: reconsumeTimes ?? 0,
      preparedTransactionOffset: 0,
      body: this.#body,
      properties: this.#properties,
      delayLevel: 0,
    };
    appendWhenRoom(this.#door.thread, append, message, laneWaitMs, (appended, notTaken) => {
      // The client has its reply whether it is kept or not.
      if (notTaken !== null) this.#door.thread.log('warn', 'A reply was not stored', { topic: this.#topic.name, reason: notTaken });
      else if (appended?.kind === 'stored' || appended?.kind === 'flush-late') this.#stored = appended;
      this.#done();
    });
  }

  #done(): void {
    if (--this.#waitsFor > 0) return;
    this.#onDone();
    const { storeHost, region } = this.#parts;
    const stored = this.#stored;
    const ext = {
      msgId: stored === null ? '0' : formatMessageId(storeHost, stored.physicalOffset),
      queueId: String(this.#queueId),
      queueOffset: stored === null ? '0' : String(stored.queueOffset),
      [MSG_REGION]: region,
      [TRACE_SWITCH]: 'true',
    };
    this.#request.answer(this.#pushFault === null ? SUCCESS : SYSTEM_ERROR, this.#pushFault, ext);
    this.#door.thread.requestTurn();
  }
}

/** Null: the client took the reply. */
function pushFault(clientId: string, answered: ClientAnswered | undefined): string | null {
  const head = `push reply message to ${clientId} fail`;
  switch (answered?.outcome) {
    case undefined:
    case 'timeout':
      return `${head}: it gave no answer within ${CALL_MAX_MS} ms`;
    case 'answered':
      return answered.code === SUCCESS ? null : `${head}: it answered ${answered.code} ${answered.remark}`;
    case 'gone':
      return `${head}: its connection has closed`;
    case 'full':
      return `${head}: it has too much to read or to answer already`;
    case 'no-message':
      return `${head}: the reply could not be handed over in time; send it again`;
  }
}
