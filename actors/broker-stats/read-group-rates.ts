/**
 * Asks the statistics how many messages groups were handed a second in the last minute, page by page. A page that gives no answer counts as 0: a rate is a
 * view, and must not keep back what was asked beside it.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH } from '../broker/actor-paths.ts';
import type { GroupRates, QueryGroupRates } from './broker-stats-actor.ts';

const PAGE = 256;
const PAGE_MAX_MS = 1_000;

/** `onRates` gets one rate a pair. */
export function readGroupRates(
  thread: ThreadContext,
  pairs: readonly { readonly topic: string; readonly group: string }[],
  onRates: (rates: readonly number[]) => void,
): void {
  const rates: number[] = [];
  const next = (): void => {
    const keys = pairs.slice(rates.length, rates.length + PAGE).map(({ topic, group }) => `${topic}@${group}`);
    if (keys.length === 0) {
      onRates(rates);
      return;
    }
    thread.ask<GroupRates, QueryGroupRates>(
      thread.ref(BROKER_STATS_PATH),
      (replyTo) => ({ kind: 'query-group-rates', keys, replyTo }),
      PAGE_MAX_MS,
      (found) => {
        rates.push(...(found?.rates ?? keys.map(() => 0)));
        next();
        thread.requestTurn();
      },
    );
  };
  next();
}
