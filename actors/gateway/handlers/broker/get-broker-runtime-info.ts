/**
 * GET_BROKER_RUNTIME_INFO (28): rates, totals, the log's range, the delay levels, the timing wheel and the disk (`broker-stats/runtime-info.ts`). 2 when statistics or store
 * do not answer.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.getBrokerRuntimeInfo`.
 */
import { encodeKvTable } from '../../../../protocol/remoting/bodies/kv-table.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH, TIMER_PATH, WHEEL_PATH } from '../../../broker/actor-paths.ts';
import type { BrokerRates, QueryRates } from '../../../broker-stats/broker-stats-actor.ts';
import { runtimeInfo } from '../../../broker-stats/runtime-info.ts';
import { FLUSHED_END, type Watermarks, WRITTEN_END } from '../../../commit-log/watermarks.ts';
import { type QueryStoreFacts, STORE_PATH, type StoreFacts } from '../../../store/store-messages.ts';
import type { DelaysTold, QueryDelays } from '../../../timer/timer-actor.ts';
import type { QueryWheel, WheelTold } from '../../../timer/wheel-messages.ts';
import type { Handler, Request } from '../../request.ts';

const ANSWER_MAX_MS = 2_500;

export type RuntimeInfoDeps = { readonly marks: Watermarks; readonly commitLogPath: string; readonly sendsMax: number };

export function getBrokerRuntimeInfo(thread: ThreadContext, { marks, commitLogPath, sendsMax }: RuntimeInfoDeps): Handler {
  return (request) => {
    thread.ask<BrokerRates, QueryRates>(
      thread.ref(BROKER_STATS_PATH),
      (replyTo) => ({ kind: 'query-rates', replyTo }),
      ANSWER_MAX_MS,
      (rates) => {
        if (rates === undefined) return busy(request, 'statistics');
        thread.ask<StoreFacts, QueryStoreFacts>(
          thread.ref(STORE_PATH),
          (replyTo) => ({ kind: 'query-store-facts', replyTo }),
          ANSWER_MAX_MS,
          (store) => {
            if (store === undefined) return busy(request, 'store');
            thread.ask<DelaysTold, QueryDelays>(
              thread.ref(TIMER_PATH),
              (replyTo) => ({ kind: 'query-delays', replyTo }),
              ANSWER_MAX_MS,
              (delays) =>
                withWheel(thread, (wheel) => {
                  const [writtenEnd, flushedEnd] = [marks.read(WRITTEN_END), marks.read(FLUSHED_END)];
                  const info = runtimeInfo({
                    rates,
                    store,
                    commitLogPath,
                    writtenEnd,
                    flushedEnd,
                    sendsMax,
                    delays: delays ?? null,
                    wheel,
                  });
                  request.answer(SUCCESS, null, null, encodeKvTable(info));
                  thread.requestTurn();
                }),
            );
            thread.requestTurn();
          },
        );
        thread.requestTurn();
      },
    );
  };
}

function withWheel(thread: ThreadContext, then: (wheel: WheelTold | null) => void): void {
  thread.ask<WheelTold, QueryWheel>(
    thread.ref(WHEEL_PATH),
    (replyTo) => ({ kind: 'query-wheel', replyTo }),
    ANSWER_MAX_MS,
    (wheel) => then(wheel ?? null),
  );
  thread.requestTurn();
}

function busy(request: Request, who: string): void {
  request.answer(SYSTEM_BUSY, `The ${who} gave no answer within ${ANSWER_MAX_MS} ms; try again.`);
  request.thread.requestTurn();
}
