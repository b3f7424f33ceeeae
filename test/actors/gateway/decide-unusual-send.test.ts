/** What becomes of sends that are not plain ones. */
import { test } from 'tap';
import { batchDelayFault } from '../../../actors/gateway/batch-fault.ts';
import { decideUnusualSend, type UnusualSend } from '../../../actors/gateway/decide-unusual-send.ts';
import { SendHeader } from '../../../protocol/remoting/send-header.ts';

function decide(properties: Record<string, string>, more: Partial<UnusualSend> = {}): Record<string, unknown> {
  const timers = { isEnabled: true, maxDelaySec: 100 };
  const send = { sysFlag: 0, reconsumeTimes: 0, maxReconsumeTimes: -1, version: 479, group: null, now: 1_000_000, timers, ...more };
  const decision = decideUnusualSend({ ...send, properties: new Map(Object.entries(properties)) });
  if (decision.kind === 'refuse') return { code: decision.code };
  if (decision.kind === 'half') return { half: true };
  const { delayLevel: level, isDead, deliverMs } = decision;
  return { level, isDead, delay: decision.properties.get('DELAY'), ...(deliverMs === 0 ? {} : { at: deliverMs }) };
}

const group = { retryMaxTimes: 16, hasLocks: false };

test('decideUnusualSend parks, stores or refuses', (t) => {
  const cases: [string, Record<string, string>, Partial<UnusualSend>, Record<string, unknown>][] = [
    ['a level', { DELAY: '3' }, {}, { level: 3, isDead: false, delay: '3' }],
    ['no level', { DELAY: '0' }, {}, { level: 0, isDead: false, delay: '0' }],
    ['a negative level', { DELAY: '-1' }, {}, { level: 0, isDead: false, delay: '-1' }],
    ['a level that is none', { DELAY: 'x' }, {}, { code: 1 }],
    ['a level and a time: the level counts', { DELAY: '1', TIMER_DELAY_SEC: '9' }, {}, { level: 1, isDead: false, delay: '1' }],
    ['a time', { TIMER_DELIVER_MS: '1000009' }, {}, { level: 0, isDead: false, delay: undefined, at: 1_000_009 }],
    ['a time with level 0', { DELAY: '0', TIMER_DELAY_MS: '9' }, {}, { level: 0, isDead: false, delay: '0', at: 1_000_009 }],
    ['a time that has passed', { TIMER_DELIVER_MS: '9' }, {}, { level: 0, isDead: false, delay: undefined }],
    ['a time that is none', { TIMER_DELAY_MS: 'soon' }, {}, { code: 13 }],
    ['a time too far away', { TIMER_DELAY_SEC: '101' }, {}, { code: 13 }],
    ['a time of a prepared one', { TIMER_DELAY_SEC: '9' }, { sysFlag: 4 }, { level: 0, isDead: false, delay: undefined }],
    ['a time where none are taken', { TIMER_DELAY_SEC: '9' }, { timers: { isEnabled: false, maxDelaySec: 1 } }, { code: 1 }],
    ['a half message', { TRAN_MSG: 'true' }, {}, { half: true }],
    ['a half message with a time', { TRAN_MSG: 'true', TIMER_DELAY_MS: '9' }, {}, { code: 13 }],
    ['a half message in capitals', { TRAN_MSG: 'TRUE', DELAY: '1' }, {}, { half: true }],
    [
      'a half message that was consumed and comes again',
      { TRAN_MSG: 'true', DELAY: '4' },
      { reconsumeTimes: 1 },
      { level: 4, isDead: false, delay: '4' },
    ],
    ['no half message', { TRAN_MSG: 'false', DELAY: '1' }, {}, { level: 1, isDead: false, delay: '1' }],
    ['a prepared one waits for its end, not for a time', { DELAY: '1' }, { sysFlag: 4 }, { level: 0, isDead: false, delay: '1' }],
    ['a committed one', { DELAY: '1' }, { sysFlag: 8 }, { level: 1, isDead: false, delay: '1' }],
    ['a retry', { DELAY: '4' }, { group, reconsumeTimes: 1, maxReconsumeTimes: 2 }, { level: 4, isDead: false, delay: '4' }],
    ['the last retry', { DELAY: '5' }, { group, reconsumeTimes: 2, maxReconsumeTimes: 2 }, { level: 5, isDead: false, delay: '5' }],
    ['one too many', { DELAY: '5' }, { group, reconsumeTimes: 3, maxReconsumeTimes: 2 }, { level: 0, isDead: true, delay: '-1' }],
    ['one too many without a level', {}, { group, reconsumeTimes: 3, maxReconsumeTimes: 2 }, { level: 0, isDead: true, delay: '-1' }],
    ['as often as the group says', { DELAY: '5' }, { group, reconsumeTimes: 16 }, { level: 5, isDead: false, delay: '5' }],
    ['more often than the group says', { DELAY: '5' }, { group, reconsumeTimes: 17 }, { level: 0, isDead: true, delay: '-1' }],
    [
      'an old client has no say',
      { DELAY: '5' },
      { group, reconsumeTimes: 3, maxReconsumeTimes: 2, version: 120 },
      { level: 5, isDead: false, delay: '5' },
    ],
    [
      'who consumes in order has tried enough',
      { DELAY: '5' },
      { group: { ...group, hasLocks: true } },
      { level: 0, isDead: true, delay: '-1' },
    ],
    [
      'many attempts at another topic mean nothing',
      { DELAY: '5' },
      { reconsumeTimes: 99, maxReconsumeTimes: 1 },
      { level: 5, isDead: false, delay: '5' },
    ],
  ];
  for (const [what, properties, more, expected] of cases) t.same(decide(properties, more), expected, what);
  t.end();
});

test('batchDelayFault looks closer only where DELAY is named', (t) => {
  const fault = (text: string, isEscaped = false): boolean => {
    const header = new SendHeader();
    header.text = Buffer.from(`xx${text}yy`);
    header.propertiesStart = 2;
    header.propertiesEnd = 2 + Buffer.byteLength(text);
    header.arePropertiesEscaped = isEscaped;
    return batchDelayFault(header) !== null;
  };
  t.equal(fault(''), false);
  t.equal(fault('WAIT\x01true\x02'), false);
  t.equal(fault('WAIT\x01true\x02DELAY\x013\x02'), true);
  t.equal(fault('DELAY\x013'), true, 'at the very end');
  t.equal(fault('DELAY\\u00013\\u0002', true), true, 'escaped');
  t.equal(fault('DELAY\x010\x02'), false, 'no level');
  t.equal(fault('DELAY\x01x\x02'), true, 'what is no level');
  t.equal(fault('MY_DELAY\x013\x02'), false, 'another property');
  t.equal(fault('DELA'), false);
  t.end();
});
