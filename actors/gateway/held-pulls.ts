/**
 * Held pulls of one shard, where something else than a message ends their wait: their group is paused, its offsets are set, what it or its topic is
 * bound to changes, the queue's actor does not answer. Each is told at once what it would be told if it came now.
 * Source: RocketMQ 5.3 `PullRequestHoldService`, `ConsumerOffsetManager` (assigned reset offsets).
 */
import type { PullHeader } from '../../protocol/remoting/pull-scanner.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { ResetTaken } from '../consumer-group/consumer-group-messages.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import { consumerGroupPath } from '../consumer-group/group-table-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicState } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import type { PullAnswers } from './pull-answers.ts';
import { GROUP_FORBIDDEN, pausedRemark } from './pull-rules.ts';
import type { Pending, PullsUnderWay } from './pulls-under-way.ts';

const EXPIRE_EVERY_MS = 500;

export class HeldPulls {
  readonly #thread: ThreadContext;
  readonly #groups: GroupTable;
  readonly #table: QueueTable;
  readonly #underWay: PullsUnderWay;
  readonly #answers: PullAnswers;

  constructor(parts: { thread: ThreadContext; groups: GroupTable; table: QueueTable; underWay: PullsUnderWay; answers: PullAnswers }) {
    this.#thread = parts.thread;
    this.#groups = parts.groups;
    this.#table = parts.table;
    this.#underWay = parts.underWay;
    this.#answers = parts.answers;
    const expire = (): void => {
      this.#expire();
      parts.thread.schedule(EXPIRE_EVERY_MS, expire);
    };
    // With one shard the queues' actors die with their pullers' connections only.
    if (parts.thread.threadsOf('shard').length > 1) parts.thread.schedule(EXPIRE_EVERY_MS, expire);
  }

  /** A group was paused, or its offsets were set: pulls of it that are held do not wait for a message first. */
  restrict(group: string): void {
    const state = this.#groups.get(group);
    if (state === undefined) return;
    const isPaused = !state.config.consumeEnable;
    const taken: Pending[] = [];
    for (const [ticket, pending] of this.#underWay) {
      if (pending.group !== group) continue;
      const reset = state.resets.get(pending.topic.name, pending.queueId);
      if (!isPaused && reset < 0) continue;
      this.#underWay.settle(ticket, pending);
      if (!isPaused) taken.push(pending);
      if (!pending.connection.isOpen) continue;
      if (isPaused) this.#answers.say(pending, code.NO_PERMISSION, pausedRemark(group), GROUP_FORBIDDEN);
      else this.#answers.missedNow(pending, 'OFFSET_RESET', reset);
    }
    // Not before all have been told: a member that has just lost the queue may hold a pull of it, too.
    for (const { topic, queueId } of taken) this.#tellTaken(group, topic.name, queueId);
    this.#thread.requestTurn();
  }

  /**
   * The broker stops: who waits hears of it, and comes again after its own pause. Clients of 4.x wait half a minute for an answer that a closed
   * connection does not bring, and consume nothing of the queue meanwhile.
   */
  end(remark: string): void {
    for (const [ticket, pending] of this.#underWay) {
      this.#underWay.settle(ticket, pending);
      if (pending.connection.isOpen) this.#answers.say(pending, code.SERVICE_NOT_AVAILABLE, remark);
    }
  }

  /** A topic or a group was bound to another plugin, or to none: what waits begins again by the new rule. */
  rebind(topic: string | null, group: string | null): void {
    for (const [ticket, pending] of this.#underWay) {
      if (pending.topic.name !== topic && pending.group !== group) continue;
      this.#underWay.settle(ticket, pending);
      if (pending.connection.isOpen) this.#answers.missedNow(pending, 'NO_MATCHED_MESSAGE', pending.offset);
    }
    this.#thread.requestTurn();
  }

  /** Answers a pull of a queue whose offset was set for its group to `offset` meanwhile. */
  answerReset(connection: ClientConnection, header: PullHeader, topic: TopicState, group: string, offset: number): void {
    this.#tellTaken(group, topic.name, header.queueId);
    this.#answers.reset(connection, header, topic, offset);
  }

  #tellTaken(group: string, topic: string, queueId: number): void {
    if (this.#groups.takeReset(group, topic, queueId) < 0) return;
    this.#thread.ref<ResetTaken>(consumerGroupPath(group)).tell({ kind: 'reset-taken', topic, queueId });
  }

  #expire(): void {
    const now = this.#thread.monotonicMs();
    for (const [ticket, pending] of this.#underWay) {
      if (now < pending.expiresAt) continue;
      this.#underWay.settle(ticket, pending);
      if (!pending.connection.isOpen) continue;
      const max = this.#table.next(pending.topic.queueHandles[pending.queueId]!);
      this.#answers.missedNow(pending, pending.offset < max ? 'NO_MATCHED_MESSAGE' : 'OFFSET_OVERFLOW_ONE', pending.offset);
    }
  }
}
