/**
 * VIEW_BROKER_STATS_DATA (315): what was counted of one topic, group or of the broker in the last minute, hour and day. 1 for an item that
 * there is not: it was never used, or its kind is not counted (known: TOPIC_PUT_NUMS, GROUP_GET_NUMS, BROKER_PUT_NUMS, BROKER_GET_NUMS).
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.viewBrokerStatsData`.
 */
import { encodeBrokerStatsData } from '../../../../protocol/remoting/bodies/broker-stats-data.ts';
import { decodeViewBrokerStatsDataRequest } from '../../../../protocol/remoting/requests/view-broker-stats-data.ts';
import { SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH } from '../../../broker/actor-paths.ts';
import type { QueryStats, StatsFound } from '../../../broker-stats/broker-stats-actor.ts';
import type { Handler } from '../../request.ts';

const ANSWER_MAX_MS = 2_500;
/** `queueId@topic@group` is the longest that RocketMQ knows. */
const KEY_MAX = 600;

export function viewBrokerStatsData(thread: ThreadContext): Handler {
  return (request) => {
    const { statsName, statsKey } = decodeViewBrokerStatsDataRequest(request.command.ext);
    if (statsName.length > KEY_MAX || statsKey.length > KEY_MAX) {
      request.answer(
        SYSTEM_ERROR,
        `statsName and statsKey have at most ${KEY_MAX} characters, these have ${statsName.length} and ${statsKey.length}.`,
      );
      return;
    }
    thread.ask<StatsFound, QueryStats>(
      thread.ref(BROKER_STATS_PATH),
      (replyTo) => ({ kind: 'query-stats', name: statsName, key: statsKey, replyTo }),
      ANSWER_MAX_MS,
      (found) => {
        if (found === undefined) request.answer(SYSTEM_BUSY, `The statistics gave no answer within ${ANSWER_MAX_MS} ms; try again.`);
        else if (found.spans.length === 0) request.answer(SYSTEM_ERROR, `The stats <${statsName}> <${statsKey}> not exist`);
        else request.answer(SUCCESS, null, null, encodeBrokerStatsData(found.spans));
        thread.requestTurn();
      },
    );
  };
}
