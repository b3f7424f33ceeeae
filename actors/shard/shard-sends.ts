/**
 * Sends of one shard: its log lane, what writes its connections' and the broker's own records into it, and what answers them when the log has them. Only
 * assembles, refuses and stops. The lane outlives the thread: a successor takes it over when it is drained.
 */

import { SendResponseWriter } from '../../protocol/remoting/response-writer.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { InnerAppend } from '../commit-log/inner-append.ts';
import { LaneProducer } from '../commit-log/log-lane.ts';
import type { Watermarks } from '../commit-log/watermarks.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import { hostBytes, hostOfBytes } from '../gateway/client-connection.ts';
import { RecordWriter, UniqueKeys } from '../gateway/record-writer.ts';
import type { RemotingGateway } from '../gateway/remoting-gateway.ts';
import { EXPIRE_EVERY_MS, SendAnswers } from '../gateway/send-answers.ts';
import { type SendLimits, SendPath } from '../gateway/send-path.ts';
import { UnusualSends } from '../gateway/unusual-sends.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { type LiveTimerLimits, timerLimits } from '../timer/timer-limits.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { SendsStopped } from './shard-actor.ts';
import { sendLimits } from './shard-settings.ts';

/** A shard takes over when its log lane is drained; sends that nobody answers after so long are. */
const SEND_LIMIT_SLACK_MS = 1_000;
/** Between two looks whether all sends are answered, at a stop. */
const SETTLE_EVERY_MS = 5;

export type ShardSendsParts = {
  readonly thread: ThreadContext;
  readonly live: LiveConfig;
  /** Of the shard among all. */
  readonly index: number;
  readonly processId: number;
  readonly memory: BrokerMemory;
  readonly marks: Watermarks;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly gateway: RemotingGateway;
};

export class ShardSends {
  readonly lane: LaneProducer;
  readonly path: SendPath;
  readonly append: InnerAppend;
  /** Changed in place when the settings change. */
  readonly limits: SendLimits;
  readonly timers: LiveTimerLimits;
  /** This broker's address as records have it. */
  readonly storeHost: Uint8Array;
  readonly #thread: ThreadContext;
  readonly #live: LiveConfig;
  readonly #answers: SendAnswers;

  constructor({ thread, live, index, processId, memory, marks, topics, groups, gateway }: ShardSendsParts) {
    const { config } = live;
    const syncFlush = config.flushDiskType === 'SYNC_FLUSH';
    const lane = new LaneProducer(memory.lanes[index]!);
    const storeHost = hostBytes(config.advertisedHost, config.listenPort);
    const uniqueKeys = new UniqueKeys(storeHost, processId, index * 65_536 + thread.generation);
    const writer = new RecordWriter(lane, storeHost, config.regionId, config.brokerClusterName, uniqueKeys, () => thread.now());
    const append = new InnerAppend(lane, hostOfBytes(storeHost), () => thread.requestTurn());
    const answerMs = (): number => live.config.syncFlushTimeoutMs + (syncFlush ? 0 : SEND_LIMIT_SLACK_MS);
    const responses = new SendResponseWriter(storeHost, config.regionId, true);
    this.#thread = thread;
    this.#live = live;
    this.lane = lane;
    this.append = append;
    this.storeHost = storeHost;
    this.limits = sendLimits(config);
    this.timers = timerLimits(live, answerMs);
    const unusual = new UnusualSends({
      thread,
      append,
      topics,
      groups,
      writer: responses,
      uniqueKeys,
      region: config.regionId,
      cluster: config.brokerClusterName,
      delayLevels: config.delayLevelsMs.length,
      get rejectTransactionMessage() {
        return live.config.rejectTransactionMessage;
      },
      timers: this.timers,
      brokerName: config.brokerName,
      get laneWaitMs() {
        return live.config.laneWaitMs;
      },
      get answerMs() {
        return answerMs();
      },
    });
    const path = new SendPath({ thread, lane, writer, topics, limits: this.limits, unusual });
    const answers = new SendAnswers({
      lane,
      marks,
      writer: responses,
      connections: gateway.connections,
      syncFlush,
      released: () => path.retryStalled(),
      inner: append,
      brokerName: config.brokerName,
    });
    this.path = path;
    this.#answers = answers;
    thread.addSource(answers);
    const logThread = thread.threadIndex('log');
    thread.allowNaps(() => path.messages + append.messages);
    thread.addTurnEnd(() => {
      if (lane.publish()) thread.wake(logThread);
    });
    const expire = (): void => {
      answers.expire(thread.monotonicMs(), answerMs());
      if (lane.pending > 0) thread.requestTurn();
      thread.schedule(lane.pending > 0 ? EXPIRE_EVERY_MS : 2 * EXPIRE_EVERY_MS, expire);
    };
    thread.schedule(EXPIRE_EVERY_MS, expire);
    live.onChange((next) => {
      Object.assign(this.limits, sendLimits(next));
    });
  }

  /** How long a record may wait for room in the lane. */
  get laneWaitMs(): number {
    return this.#live.config.laneWaitMs;
  }

  /** And for its answer. */
  get answerMs(): number {
    return this.timers.answerMs;
  }

  /** Why every send is refused; null: they are taken. */
  get refusal(): string | null {
    return this.path.refusal;
  }

  /** Refuses every send with this reason; empty: they are taken again. */
  refuseFor(reason: string): void {
    this.path.refuseFor(reason);
    this.append.refuseFor(reason);
  }

  /** Refuses every send from now on, and tells when those under way are answered. */
  stop(reason: string, replyTo: ActorRef<SendsStopped>): void {
    this.path.refuseAll(reason);
    this.append.refuseAll(reason);
    const settle = (): void => {
      const { pending } = this.lane;
      if (pending > 0) {
        this.#thread.requestTurn();
        this.#thread.schedule(SETTLE_EVERY_MS, settle);
        return;
      }
      replyTo.tell({ kind: 'sends-stopped', pending });
      this.#thread.requestTurn();
    };
    settle();
  }

  /** Writes the answers that are due, before the connections go. */
  answerLast(): void {
    this.#answers.poll();
  }
}
