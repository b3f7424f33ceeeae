/**
 * What a broker says of itself to `mqadmin brokerStatus` and `clusterList`: RocketMQ's names, all values as text. Pure. Of what this broker
 * has no counterpart for the tools get what is true of it: there are no thread pools whose queues could fill, so nothing waits in one;
 * latencies of single puts and gets are not measured, so those names are left out.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.prepareRuntimeInfo`, `DefaultMessageStore.getRuntimeInfo`, `StoreStatsService.getRuntimeInfo`.
 */
import type { StoreFacts } from '../store/store-messages.ts';
import type { DelaysTold } from '../timer/timer-actor.ts';
import type { WheelTold } from '../timer/wheel-messages.ts';
import type { BrokerRates } from './broker-stats-actor.ts';
import type { RateTriple } from './rates.ts';

/** RocketMQ's name of the version whose protocol is spoken (`OUR_VERSION`). */
export const VERSION_NAME = 'V5_4_0';

export type RuntimeFacts = {
  readonly rates: BrokerRates;
  readonly store: StoreFacts;
  readonly commitLogPath: string;
  readonly writtenEnd: number;
  readonly flushedEnd: number;
  /** Sends that may wait for their answer, of all shards. */
  readonly sendsMax: number;
  /** Null: the timer does not say. */
  readonly delays: Pick<DelaysTold, 'levels' | 'offsets' | 'ends'> | null;
  /** Null: the wheel does not say. */
  readonly wheel: Pick<WheelTold, 'pending' | 'lagMs' | 'behind' | 'parkedRate' | 'deliveredRate'> | null;
};

const POOLS = ['ack', 'litePull', 'pull', 'query'] as const;
/** What Java says where no buffers are lent, for nothing limits them. */
const UNLIMITED = '2147483647';

export function runtimeInfo(facts: RuntimeFacts): Map<string, string> {
  const { rates, store, commitLogPath, writtenEnd, flushedEnd, sendsMax, wheel } = facts;
  const used = store.diskTotal === 0 ? '0.00' : (1 - store.diskFree / store.diskTotal).toFixed(2);
  const total = rates.found.map((found, index) => found + rates.missed[index]!) as unknown as RateTriple;
  const transferred = triple(rates.transferred);
  const info = new Map<string, string>([
    ['EndTransactionQueueSize', '0'],
    ['EndTransactionThreadPoolQueueCapacity', '0'],
    ['bootTimestamp', String(rates.bootMs)],
    ['brokerActive', 'true'],
    ['brokerVersionDesc', VERSION_NAME],
    ['commitLogDirCapacity', `Total : ${humanBytes(store.diskTotal)}, Free : ${humanBytes(store.diskFree)}.`],
    ['commitLogDiskRatio', used],
    [`commitLogDiskRatio_${commitLogPath}`, used],
    ['commitLogMaxOffset', String(writtenEnd)],
    ['commitLogMinOffset', String(store.logMin)],
    ['consumeQueueDiskRatio', used],
    ['dispatchBehindBytes', '0'],
    ['dispatchMaxBuffer', '0'],
    ['earliestMessageTimeStamp', String(store.earliestMs)],
    ['getFoundTps', triple(rates.found)],
    ['getMissTps', triple(rates.missed)],
    ['getTotalTps', triple(total)],
    ['getTransferedTps', transferred],
    ['getTransferredTps', transferred],
    ['msgGetTotalTodayMorning', String(rates.outTodayMorning)],
    ['msgGetTotalTodayNow', String(rates.messagesOut)],
    ['msgGetTotalYesterdayMorning', String(rates.outYesterdayMorning)],
    ['msgPutTotalTodayMorning', String(rates.inTodayMorning)],
    ['msgPutTotalTodayNow', String(rates.messagesIn)],
    ['msgPutTotalYesterdayMorning', String(rates.inYesterdayMorning)],
    ['pageCacheLockTimeMills', '0'],
    ['putMessageAverageSize', (rates.messagesIn === 0 ? 0 : rates.bytesIn / rates.messagesIn).toFixed(1)],
    ['putMessageFailedTimes', String(rates.refused)],
    ['putMessageSizeTotal', String(rates.bytesIn)],
    ['putMessageTimesTotal', String(rates.messagesIn)],
    ['putTps', triple(rates.put)],
    ['remainHowManyDataToFlush', humanBytes(Math.max(0, writtenEnd - flushedEnd))],
    ['remainTransientStoreBufferNumbs', UNLIMITED],
    ['runtime', upTime(rates.upMs)],
    ['sendThreadPoolQueueCapacity', String(sendsMax)],
    ['sendThreadPoolQueueHeadWaitTimeMills', '0'],
    ['sendThreadPoolQueueSize', String(rates.pendingSends)],
    ['startAcceptSendRequestTimeStamp', '0'],
    ['timerCongestNum', String(wheel?.pending ?? 0)],
    ['timerDequeueTps', (wheel?.deliveredRate ?? 0).toFixed(1)],
    ['timerEnqueueTps', (wheel?.parkedRate ?? 0).toFixed(1)],
    ['timerOffsetBehind', String(wheel?.behind ?? 0)],
    ['timerReadBehind', String(Math.floor((wheel?.lagMs ?? 0) / 1000))],
  ]);
  for (const pool of POOLS) {
    info.set(`${pool}ThreadPoolQueueCapacity`, '0');
    info.set(`${pool}ThreadPoolQueueHeadWaitTimeMills`, '0');
    info.set(`${pool}ThreadPoolQueueSize`, '0');
  }
  const { levels = [], offsets = [], ends = [] } = facts.delays ?? {};
  for (const [index, level] of levels.entries()) info.set(`scheduleMessageOffset_${level}`, `${offsets[index]},${ends[index]}`);
  return new Map([...info].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Ten seconds, a minute, ten minutes; the tools cut it at the blanks. */
function triple(rates: RateTriple): string {
  return rates.map((rate) => (Number.isInteger(rate) ? `${rate}.0` : String(rate))).join(' ');
}

export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function upTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`;
}
