/**
 * CONSUMER_SEND_MSG_BACK (36): a message could not be consumed. It is stored once more: in the group's retry topic, after a delay that
 * grows with the attempts, or after the last one in the group's dead letters. The message is named by its place in the log.
 * Refused with 1 (a field, no message there, its topic cannot be made, stored but not synced in time), 2 (nobody answers in time, the lane is full), 14 (the broker
 * stops, its disk is full or failed), 16 (the topic cannot be written), 26 (no such group), 29 (the group's name).
 * Source: RocketMQ 5.4 `AbstractSendMessageProcessor.consumerSendMsgBack`.
 */
import { formatMessageId } from '../../../../model/message-id.ts';
import { parseProperties } from '../../../../model/message-property.ts';
import { decodeMessageRecord, type MessageRecord } from '../../../../model/message-record.ts';
import { PERM_READ_WRITE, PERM_WRITE } from '../../../../model/permission.ts';
import { dlqTopic, retryTopic, SCHEDULE_TOPIC, TOPICS_FORBIDDEN_FOR_SEND } from '../../../../model/topic.ts';
import {
  type ConsumerSendMsgBackRequest,
  decodeConsumerSendMsgBackRequest,
} from '../../../../protocol/remoting/requests/consumer-send-msg-back.ts';
import { NO_PERMISSION, SERVICE_NOT_AVAILABLE, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import { appendWhenRoom } from '../../../commit-log/append-when-room.ts';
import type { Appended, InnerAppend, InnerMessage, NotTaken } from '../../../commit-log/inner-append.ts';
import { decideSendBack, sentBackProperties } from '../../../consumer-group/decide-send-back.ts';
import type { GroupConfig } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { RecordSource } from '../../../message/record-source.ts';
import { parkMessage } from '../../../timer/delayed-message.ts';
import type { EnsureTopic, TopicReply } from '../../../topic/topic-registry-actor.ts';
import type { TopicState } from '../../../topic/topic-table.ts';
import { VERSION_WITH_MAX_RECONSUME_TIMES } from '../../decide-unusual-send.ts';
import type { Handler, Request } from '../../request.ts';
import { lateRemark } from '../../send-answers.ts';

/** Unit flag of a topic that a unit subscribes to. */
const UNIT_SUBSCRIPTION = 2;
const DLQ_QUEUES = 1;

export type SendBackParts = {
  readonly append: InnerAppend;
  readonly records: RecordSource;
  readonly delayLevels: number;
  readonly laneWaitMs: number;
  readonly answerMs: number;
  /** Why nothing is taken at the moment; null: it is. */
  readonly refusal: string | null;
};

export function consumerSendMsgBack(door: GroupDoor, parts: SendBackParts): Handler {
  return (request) => {
    const back = decodeConsumerSendMsgBackRequest(request.command.ext);
    if (parts.refusal !== null) {
      request.answer(SERVICE_NOT_AVAILABLE, parts.refusal);
      return;
    }
    const known = door.groups.get(back.group);
    if (known !== undefined) {
      new SendBack(door, parts, request, back, known.config).begin();
      return;
    }
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'ensure-group', group: back.group, replyTo }),
      (reply) => {
        const made = door.groups.get(back.group);
        if (reply.kind === 'group-refused') request.answer(reply.code, reply.remark);
        else if (made === undefined) request.answer(SYSTEM_BUSY, `the group ${back.group} is being made; try again`);
        else new SendBack(door, parts, request, back, made.config).begin();
      },
    );
  };
}

/** One message on its way back. */
class SendBack {
  readonly #door: GroupDoor;
  readonly #parts: SendBackParts;
  readonly #request: Request;
  readonly #back: ConsumerSendMsgBackRequest;
  readonly #group: GroupConfig;

  constructor(door: GroupDoor, parts: SendBackParts, request: Request, back: ConsumerSendMsgBackRequest, group: GroupConfig) {
    this.#door = door;
    this.#parts = parts;
    this.#request = request;
    this.#back = back;
    this.#group = group;
  }

  begin(): void {
    const { retryQueueNums, groupName } = this.#group;
    if (retryQueueNums <= 0) {
      // Such a group wants no second attempt: what it gives back is dropped, as the Java broker does.
      this.#request.answer(SUCCESS);
      return;
    }
    this.#withTopic(retryTopic(groupName), retryQueueNums, this.#back.unitMode ? UNIT_SUBSCRIPTION : 0, (topic) => this.#find(topic));
  }

  /** Goes on with the topic, which is made when it is not there. */
  #withTopic(name: string, queues: number, sysFlag: number, then: (topic: TopicState) => void): void {
    const topics = this.#door.topics;
    const known = topics.get(name);
    if (known !== undefined) {
      this.#ifWritable(known, then);
      return;
    }
    this.#door.ask<TopicReply, EnsureTopic>(
      this.#request,
      TOPIC_REGISTRY_PATH,
      (replyTo) => ({
        kind: 'ensure-topic',
        topic: name,
        readQueues: queues,
        writeQueues: queues,
        perm: PERM_READ_WRITE,
        sysFlag,
        replyTo,
      }),
      (reply) => {
        const made = topics.get(name);
        if (reply.kind === 'topic-refused') this.#request.answer(reply.code, reply.remark);
        else if (made === undefined) this.#request.answer(SYSTEM_BUSY, `the topic[${name}] is being made; try again`);
        else this.#ifWritable(made, then);
      },
    );
  }

  #ifWritable(topic: TopicState, then: (topic: TopicState) => void): void {
    if ((topic.perm & PERM_WRITE) !== 0 && topic.writeQueues > 0) then(topic);
    else
      this.#request.answer(NO_PERMISSION, `the topic[${topic.name}] sending message is forbidden: its perm ${topic.perm} has no write bit`);
  }

  #find(topic: TopicState): void {
    const { offset } = this.#back;
    this.#parts.records.viewOne(offset, (bytes) => {
      if (bytes === null) {
        this.#request.answer(SYSTEM_BUSY, `the message at offset ${offset} could not be read in time; try again`);
      } else if (bytes.length === 0) {
        this.#request.answer(SYSTEM_ERROR, `look message by offset failed, ${offset}: no message begins there, or it was removed`);
      } else {
        const record = decodeMessageRecord(bytes, 0);
        // Nobody consumes these, so nobody can have one to give back: it would come out before its time.
        if (!TOPICS_FORBIDDEN_FOR_SEND.has(record.topic)) this.#decide(topic, record);
        else this.#request.answer(SYSTEM_ERROR, `look message by offset failed, ${offset}: it is a message of ${record.topic}`);
      }
    });
  }

  #decide(topic: TopicState, record: MessageRecord): void {
    const { delayLevel: asked, maxReconsumeTimes: said } = this.#back;
    const { retryMaxTimes, groupName } = this.#group;
    const maxReconsumeTimes = this.#request.command.version >= VERSION_WITH_MAX_RECONSUME_TIMES ? said : null;
    const { reconsumeTimes } = record;
    const delayLevel = decideSendBack({ delayLevel: asked, reconsumeTimes, maxReconsumeTimes, retryMaxTimes });
    if (delayLevel > 0) this.#store(topic, record, delayLevel);
    else this.#withTopic(dlqTopic(groupName), DLQ_QUEUES, 0, (dead) => this.#store(dead, record, 0));
  }

  #store(topic: TopicState, record: MessageRecord, delayLevel: number): void {
    const { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body } = record;
    const origin = { topic: record.topic, messageId: formatMessageId(record.storeHost, record.physicalOffset) };
    let message: InnerMessage = {
      topic,
      queueId: delayLevel === 0 ? 0 : Math.floor(this.#door.thread.random() * Math.min(this.#group.retryQueueNums, topic.writeQueues)),
      flag,
      sysFlag,
      bornTimestamp,
      bornHost,
      reconsumeTimes: reconsumeTimes + 1,
      preparedTransactionOffset: 0,
      body,
      properties: sentBackProperties(parseProperties(record.properties), origin, delayLevel),
      delayLevel: 0,
    };
    if (delayLevel > 0) {
      const { delayLevels } = this.#parts;
      const schedule = this.#door.topics.get(SCHEDULE_TOPIC);
      if (schedule === undefined || schedule.queueHandles.length < delayLevels) {
        this.#request.answer(SYSTEM_BUSY, `the topic[${SCHEDULE_TOPIC}] is not ready: the broker is starting; try again`);
        return;
      }
      message = parkMessage(message, delayLevel, delayLevels, schedule);
    }
    const { append, laneWaitMs } = this.#parts;
    appendWhenRoom(this.#door.thread, append, message, laneWaitMs, (appended, notTaken) => {
      if (appended !== null) this.#answer(appended);
      else this.#notTaken(notTaken);
    });
  }

  #notTaken(why: NotTaken | null): void {
    const { append, laneWaitMs } = this.#parts;
    if (why === 'lane-full') {
      this.#request.answer(
        SYSTEM_BUSY,
        `[REJECTREQUEST]the log lane stayed full for ${laneWaitMs} ms: the disk is too slow; try again later`,
      );
    } else if (why === 'refused') this.#request.answer(SERVICE_NOT_AVAILABLE, append.refusal);
    else
      this.#request.answer(SYSTEM_ERROR, 'PROPERTIES_SIZE_EXCEEDED: the message properties are longer than 32767 bytes with what is added');
  }

  #answer(appended: Appended): void {
    if (appended.kind === 'stored') this.#request.answer(SUCCESS);
    else if (appended.kind === 'flush-late') {
      // The consumer's offset may not go past what a power cut could still take.
      const { answerMs } = this.#parts;
      this.#request.answer(
        SYSTEM_ERROR,
        `FLUSH_DISK_TIMEOUT: written, but not synced within ${answerMs} ms; giving it back again may store it twice`,
      );
    } else if (appended.kind === 'late') this.#request.answer(SYSTEM_BUSY, lateRemark(this.#parts.answerMs));
    else this.#request.answer(SERVICE_NOT_AVAILABLE, appended.remark);
  }
}
