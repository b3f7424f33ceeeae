import { test } from 'tap';
import type { BrokerRates } from '../../../actors/broker-stats/broker-stats-actor.ts';
import { humanBytes, runtimeInfo, upTime } from '../../../actors/broker-stats/runtime-info.ts';

const rates: BrokerRates = {
  kind: 'broker-rates',
  put: [1, 2.5, 0],
  found: [3, 0, 0],
  missed: [1, 1, 0],
  transferred: [30, 0, 0],
  messagesIn: 10,
  bytesIn: 1005,
  messagesOut: 20,
  refused: 2,
  pendingSends: 7,
  inTodayMorning: 4,
  inYesterdayMorning: 3,
  outTodayMorning: 2,
  outYesterdayMorning: 1,
  bootMs: 1_700_000_000_000,
  upMs: 90_061_000,
};

test('runtimeInfo says what the tools read, in the form in which they cut it apart', async (t) => {
  const store = { kind: 'store-facts', logMin: 1024, earliestMs: 5, diskTotal: 1000, diskFree: 250 } as const;
  const delays = { levels: [1, 2], offsets: [3, 0], ends: [5, 0] };
  const wheel = { pending: 7, lagMs: 2500, behind: 1, parkedRate: 1.5, deliveredRate: 2 };
  const marks = { writtenEnd: 5000, flushedEnd: 3976 };
  const info = runtimeInfo({ rates, store, commitLogPath: '/s/commitlog', ...marks, sendsMax: 64, delays, wheel });
  t.equal(info.get('timerReadBehind'), '2', 'in seconds, as in Java');
  t.equal(info.get('timerEnqueueTps'), '1.5');
  t.equal(info.get('scheduleMessageOffset_1'), '3,5', 'delivered and parked of a delay level');
  t.match(Object.fromEntries(info), {
    brokerVersionDesc: 'V5_4_0',
    putTps: '1.0 2.5 0.0',
    getTotalTps: '4.0 1.0 0.0',
    getTransferredTps: '30.0 0.0 0.0',
    getTransferedTps: '30.0 0.0 0.0',
    commitLogDiskRatio: '0.75',
    'commitLogDiskRatio_/s/commitlog': '0.75',
    commitLogMinOffset: '1024',
    commitLogMaxOffset: '5000',
    remainHowManyDataToFlush: '1.0 KiB',
    earliestMessageTimeStamp: '5',
    putMessageAverageSize: '100.5',
    putMessageTimesTotal: '10',
    putMessageFailedTimes: '2',
    msgGetTotalTodayNow: '20',
    msgPutTotalYesterdayMorning: '3',
    sendThreadPoolQueueSize: '7',
    sendThreadPoolQueueCapacity: '64',
    pullThreadPoolQueueSize: '0',
    runtime: '[ 1 days, 1 hours, 1 minutes, 1 seconds ]',
  });
  t.same([...info.keys()], [...info.keys()].sort(), 'in order');
});

test('humanBytes and upTime write as Java does', async (t) => {
  t.same([0, 1023, 1024, 1536, 5 * 2 ** 30].map(humanBytes), ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '5.0 GiB']);
  t.equal(upTime(0), '[ 0 days, 0 hours, 0 minutes, 0 seconds ]');
});
