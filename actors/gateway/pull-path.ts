/**
 * Pull path of one shard: from a frame with a pull to its answer. The queue's actor says which messages; their bytes are copied from the log lanes
 * while they lie there, else a reader fetches them (cold-pulls.ts). One a shard; also the actor that the queue actors and the reader answer to.
 *
 * Refusals: 1 a field is missing; 17 no such topic; 215 too many pulls under way; those of `pull-rules.ts`. Source: RocketMQ 5.3 `PullMessageProcessor`.
 */
import { PULL_COMMIT_OFFSET_FLAG } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import { decodeCommand, ONEWAY_FLAG } from '../../protocol/remoting/command.ts';
import { FieldError } from '../../protocol/remoting/errors.ts';
import {
  fillPullFromCommand,
  missingPullField,
  PULL_FOUND_REQUIRED,
  PullHeader,
  scanPullHeader,
} from '../../protocol/remoting/pull-scanner.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import type { Actor, ActorContext } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { QUEUE_UNIT_BYTES, sizeOfUnits } from '../../storage/consume-queue/queue-unit.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { CommitOffset } from '../consumer-group/offset-keeper.ts';
import type { PluginDoor } from '../filter/plugin-door.ts';
import type { PullReply } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ColdRead } from '../store/reader-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import { ColdPulls, type ReaderGone } from './cold-pulls.ts';
import { FilteredPulls } from './filtered-pulls.ts';
import { HeldPulls } from './held-pulls.ts';
import { PullAnswers, type PullCounters } from './pull-answers.ts';
import { PullRules } from './pull-rules.ts';
import { bytesAllowed, holdAllowedMs, messagesAllowed, type PullLimits } from './pull-terms.ts';
import { answerDueMs, isPlain, type Pending, PullsUnderWay } from './pulls-under-way.ts';
import { ReadSlots } from './read-slots.ts';

const CROWDED_AGAIN_MS = 1;
const QUEUE_IS_BUSY = '[OVERLOAD]system busy, start flow control for a while: the queue has too many requests waiting';

export class PullPath implements Actor<PullReply | ColdRead | ReaderGone> {
  readonly counters: PullCounters;
  readonly #thread: ThreadContext;
  readonly #limits: PullLimits;
  readonly #topics: TopicTable;
  readonly #header = new PullHeader();
  readonly #rules: PullRules;
  readonly #underWay: PullsUnderWay;
  readonly #answers: PullAnswers;
  readonly #filtered: FilteredPulls;
  readonly #cold: ColdPulls;
  readonly #held: HeldPulls;
  /** Answers that wait for room in output buffers. */
  readonly #postponed: PullReply[] = [];

  constructor(parts: {
    thread: ThreadContext;
    selfPath: string;
    topics: TopicTable;
    groups: GroupTable;
    table: QueueTable;
    lanes: LaneReader;
    slots: SharedArrayBuffer;
    limits: PullLimits;
    plugins: PluginDoor;
    syncFlush: boolean;
  }) {
    const { thread, topics, groups, table, lanes, plugins } = parts;
    const self = thread.ref<PullReply | ColdRead>(parts.selfPath);
    const slots = new ReadSlots(parts.slots);
    const underWay = new PullsUnderWay(thread, self);
    const answers = new PullAnswers({ thread, table, lanes, slots });
    this.counters = answers.counters;
    this.#thread = thread;
    this.#limits = parts.limits;
    this.#topics = topics;
    this.#underWay = underWay;
    this.#answers = answers;
    this.#filtered = new FilteredPulls({ thread, lanes, plugins, underWay, answers });
    this.#cold = new ColdPulls({ thread, self, table, slots, underWay, answers, filtered: this.#filtered, syncFlush: parts.syncFlush });
    this.#held = new HeldPulls({ thread, groups, table, underWay, answers });
    this.#rules = new PullRules({
      thread,
      topics,
      groups,
      limits: parts.limits,
      plugins,
      refuse: (connection, header, code, remark, ext) => answers.refuse(connection, header, code, remark, ext),
      onReset: (connection, header, topic, group, reset) => this.#held.answerReset(connection, header, topic, group, reset),
    });
  }

  /** Pulls that wait for their answer. */
  get held(): number {
    return this.#underWay.size;
  }

  /** Takes a frame with a pull. */
  frame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    const header = this.#header;
    if (!scanPullHeader(bytes, start, end, header)) {
      try {
        fillPullFromCommand(decodeCommand(bytes, start, end), header);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        this.#answers.refuse(connection, header, code.SYSTEM_ERROR, error.message);
        return;
      }
    }
    if ((header.found & PULL_FOUND_REQUIRED) !== PULL_FOUND_REQUIRED) {
      this.#answers.refuse(
        connection,
        header,
        code.SYSTEM_ERROR,
        `the custom field <${missingPullField(header)}> is null: a pull must have it`,
      );
      return;
    }
    if ((header.flag & ONEWAY_FLAG) !== 0) return;
    const topic = this.#topics.find(header.text, header.topicStart, header.topicEnd);
    const group = utf8Text(header.text, header.consumerGroupStart, header.consumerGroupEnd);
    if (topic === undefined) {
      const name = utf8Text(header.text, header.topicStart, header.topicEnd);
      const isEarly = !this.#topics.complete;
      const remark = `the topic[${name}] not exist, apply first please!`;
      this.#answers.refuse(
        connection,
        header,
        isEarly ? code.SYSTEM_BUSY : code.TOPIC_NOT_EXIST,
        isEarly ? 'the broker is starting' : remark,
      );
      return;
    }
    const wanted = this.#rules.check(connection, header, topic, group);
    if (wanted === null) return;
    const fullRemark = this.#underWay.fullRemark(connection);
    if (fullRemark !== null) {
      this.#answers.refuse(connection, header, code.FLOW_CONTROL, fullRemark);
      return;
    }
    if ((header.sysFlag & PULL_COMMIT_OFFSET_FLAG) !== 0 && header.commitOffset >= 0) {
      const commit: CommitOffset = { kind: 'commit-offset', topic: topic.name, queueId: header.queueId, offset: header.commitOffset };
      this.#thread.ref<CommitOffset>(`consumer-group/${group}`).tell(commit);
    }
    const holdMs = holdAllowedMs(this.#limits, header.sysFlag, header.suspendTimeoutMillis);
    const nowMs = this.#thread.monotonicMs();
    const pending: Pending = {
      connection,
      offset: header.queueOffset,
      expiresAt: answerDueMs(nowMs + holdMs),
      opaque: header.opaque,
      isBinary: header.isBinary,
      topic,
      group,
      queueId: header.queueId,
      max: messagesAllowed(header.maxMsgNums),
      bytesMax: bytesAllowed(this.#limits, header.maxMsgBytes),
      wanted,
      holdUntilMs: nowMs + holdMs,
      rounds: 0,
    };
    this.#thread.requestTurn();
    if (this.#cold.answerAhead(pending, nowMs)) return;
    if (!this.#underWay.ask(pending, holdMs)) this.#answers.refuse(connection, header, code.SYSTEM_BUSY, QUEUE_IS_BUSY);
  }

  /** A group was paused, or its offsets were set: pulls of it that are held do not wait for a message first. */
  restrict(group: string): void {
    this.#held.restrict(group);
  }

  /** The broker stops: what waits is answered. */
  end(remark: string): void {
    this.#held.end(remark);
  }

  /** A topic or a group was bound to another plugin, or to none: what waits begins again by the new rule. */
  rebind(topic: string | null, group: string | null): void {
    this.#held.rebind(topic, group);
  }

  receive(message: PullReply | ColdRead | ReaderGone, context: ActorContext): void {
    this.#cold.watch(context);
    if (message.kind === 'pull-reply') this.#onReply(message);
    else if (message.kind === 'cold-read') this.#cold.onRead(message);
    else this.#cold.onReaderGone(context);
  }

  #onReply(reply: PullReply): void {
    const pending = this.#underWay.get(reply.ticket);
    if (pending === undefined) return;
    const { connection } = pending;
    if (!connection.isOpen) {
      this.#underWay.settle(reply.ticket, pending);
      return;
    }
    if ((reply.isCold || reply.units.length > 0) && connection.isOverfull) {
      // Pulls that were read before the connection was found to be slow.
      this.#underWay.settle(reply.ticket, pending);
      this.#answers.sayTooFar(pending);
      return;
    }
    if (reply.isCold) {
      this.#cold.read(pending, reply);
      return;
    }
    const count = reply.units.length / QUEUE_UNIT_BYTES;
    if (count === 0) {
      this.#underWay.settle(reply.ticket, pending);
      this.#answers.missed(pending, reply.status, reply);
      return;
    }
    if (connection.isCrowded) {
      this.#postpone(reply);
      return;
    }
    const bytes = sizeOfUnits(reply.units, count);
    const outcome = isPlain(pending.wanted) ? this.#answers.fromLanes(pending, reply, count, bytes) : 'unfiltered';
    if (outcome === 'answered') this.#underWay.settle(reply.ticket, pending);
    else if (outcome === 'lapped' || !this.#filtered.fromLanes(pending, reply, count, bytes)) this.#cold.read(pending, reply);
  }

  /** Buffers that the kernel has taken come back between turns, and those of connections that were closed. */
  #postpone(reply: PullReply): void {
    this.#postponed.push(reply);
    if (this.#postponed.length > 1) return;
    this.#thread.schedule(CROWDED_AGAIN_MS, () => {
      for (const one of this.#postponed.splice(0)) this.#onReply(one);
      this.#thread.requestTurn();
    });
  }
}
