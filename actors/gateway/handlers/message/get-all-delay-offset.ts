/**
 * GET_ALL_DELAY_OFFSET (45): how far each delay level is delivered, as delayOffset.json says it. 2 when the timer does not answer.
 * Source: RocketMQ 5.4 `AdminBrokerProcessor.getAllDelayOffset`.
 */
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TIMER_PATH } from '../../../broker/actor-paths.ts';
import { delayOffsetsText } from '../../../timer/delay-offsets-json.ts';
import type { DelaysTold, QueryDelays } from '../../../timer/timer-actor.ts';
import type { Handler } from '../../request.ts';

const ANSWER_MAX_MS = 2_500;

export function getAllDelayOffset(thread: ThreadContext): Handler {
  return (request) => {
    thread.ask<DelaysTold, QueryDelays>(
      thread.ref(TIMER_PATH),
      (replyTo) => ({ kind: 'query-delays', replyTo }),
      ANSWER_MAX_MS,
      (told) => {
        if (told === undefined) request.answer(SYSTEM_BUSY, `The timer gave no answer within ${ANSWER_MAX_MS} ms; try again.`);
        else {
          const offsets = new Map(told.levels.map((level, index) => [level, told.offsets[index]!]));
          const text = delayOffsetsText({ counter: told.counter, offsets }, thread.now());
          request.answer(SUCCESS, null, null, Buffer.from(text.trimEnd()));
        }
        thread.requestTurn();
      },
    );
  };
}
