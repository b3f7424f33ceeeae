/** What a half message is, what becomes of it, and who may end it. */
import { test } from 'tap';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { decideCheck } from '../../../actors/transaction/decide-check.ts';
import { type EndRequest, endRefusal } from '../../../actors/transaction/decide-end.ts';
import {
  checkedHalfMessage,
  checkRequest,
  committedMessage,
  givenUpMessage,
  halfMessage,
  immunityOf,
  opMessage,
  opOffsets,
  originOf,
  realDestination,
} from '../../../actors/transaction/half-message.ts';
import { javaHash } from '../../../model/java-hash.ts';
import { formatProperties } from '../../../model/message-property.ts';
import { decodeMessageRecord, encodeMessageRecord, type MessageRecord } from '../../../model/message-record.ts';

const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HALF = topicState(plainTopic('RMQ_SYS_TRANS_HALF_TOPIC', 1), Int32Array.of(1));
const OTHER = topicState(plainTopic('T', 4), Int32Array.of(2, 3, 4, 5));
const UNNAMED = { transactionIdHash: 0, messageIdHash: 0 };
const NOW = 1_700_000_000_000;

function half(
  more: Readonly<Record<string, string>> = {},
  fields: Partial<MessageRecord> = {},
): { record: MessageRecord; properties: Map<string, string> } {
  const properties = new Map(Object.entries({ UNIQ_KEY: 'U', TRAN_MSG: 'true', PGROUP: 'PG', REAL_TOPIC: 'T', REAL_QID: '3', ...more }));
  const all = {
    topic: HALF.name,
    queueOffset: 7,
    physicalOffset: 1000,
    sysFlag: 1,
    flag: 5,
    body: Buffer.from('body'),
    storeTimestamp: NOW,
  };
  const bytes = encodeMessageRecord({
    ...all,
    bornTimestamp: NOW - 5,
    bornHost: HOST,
    storeHost: HOST,
    properties: formatProperties(properties),
    ...fields,
  });
  return { record: decodeMessageRecord(bytes, 0), properties };
}

test('halfMessage parks a message, and takes nothing of what only the broker says', (t) => {
  const properties = new Map(
    Object.entries({ UNIQ_KEY: 'U', TRAN_MSG: 'true', REAL_TOPIC: 'forged', TRANSACTION_CHECK_TIMES: '15', TRAN_ORIGIN_QUEUE_OFFSET: '0' }),
  );
  const rest = { flag: 1, bornTimestamp: 2, bornHost: HOST, reconsumeTimes: 0, preparedTransactionOffset: 0, delayLevel: 0 };
  const parked = halfMessage({ ...rest, topic: OTHER, queueId: 3, sysFlag: 0x15, body: Buffer.from('x'), properties }, HALF);
  t.match(parked, { topic: { name: HALF.name }, queueId: 0, sysFlag: 0x11 });
  t.same(Object.fromEntries(parked.properties), {
    UNIQ_KEY: 'U',
    TRAN_MSG: 'true',
    REAL_TOPIC: 'T',
    REAL_QID: '3',
    __transactionId__: 'U',
  });
  t.end();
});

test('a half message becomes what it was sent as, is asked about, or is kept', (t) => {
  const { record, properties } = half({ TRAN_ORIGIN_QUEUE_OFFSET: '4', TRANSACTION_CHECK_TIMES: '2' });
  t.equal(originOf(record, properties), 4);
  const committed = committedMessage(record, properties, OTHER, 3);
  t.match(committed, { queueId: 3, sysFlag: 9, flag: 5, preparedTransactionOffset: 1000 });
  t.same(Object.fromEntries(committed.properties), { UNIQ_KEY: 'U', TRAN_MSG: 'true', PGROUP: 'PG', TRANSACTION_CHECK_TIMES: '2' });
  const checked = checkedHalfMessage(record, properties, 4, 3, HALF);
  t.equal(checked.properties.get('TRANSACTION_CHECK_TIMES'), '3');
  t.equal(checked.properties.get('REAL_QID'), '3', 'it is a half message still');
  t.equal(givenUpMessage(record, properties, 4, OTHER).preparedTransactionOffset, 1000);
  const { ext, body } = checkRequest(record, checked.properties, { physicalOffset: 2000, queueOffset: 9 }, HOST, 'b');
  t.match(ext, { tranStateTableOffset: '9', commitLogOffset: '2000', transactionId: 'U', offsetMsgId: '7F00000100002A9F00000000000007D0' });
  t.match(decodeMessageRecord(body, 0), { topic: 'T', queueId: 3, queueOffset: 9, physicalOffset: 2000, flag: 5 });
  t.end();
});

test('an op record names half messages as Java brokers do, of 4.9 too', (t) => {
  const op = opMessage([1, 20, 300], OTHER, NOW, HOST, 2);
  t.equal(Buffer.from(op.body).toString(), '1,20,300,');
  t.same(opOffsets(op.body, op.properties), [1, 20, 300]);
  t.equal(op.properties.get('TRAN_RECORDS_BEFORE'), '2', 'how many records it was stored with');
  t.same(opOffsets(Buffer.from('17'), op.properties), [17]);
  t.same(opOffsets(Buffer.from('x,-1,,5,99999999999999999999'), op.properties), [5], 'what is no offset is passed over');
  t.same(opOffsets(Buffer.from('1'), new Map([['TAGS', 'x']])), [], 'another tag');
  t.end();
});

test('realDestination, originOf and immunityOf take what is well formed', (t) => {
  t.equal(realDestination(new Map([['REAL_TOPIC', 'T']])), null);
  t.equal(realDestination(half({ REAL_QID: '-1' }).properties), null);
  t.same(realDestination(half().properties), { topic: 'T', queueId: 3 });
  const { record, properties } = half({ TRAN_PREPARED_QUEUE_OFFSET: '5' });
  t.equal(originOf(record, properties), 5, "a Java broker's word");
  t.equal(originOf(record, new Map([['TRAN_ORIGIN_QUEUE_OFFSET', 'x']])), 7);
  t.same(immunityOf(new Map(), 6000), { ms: 6000, isOwn: false });
  t.same(immunityOf(new Map([['CHECK_IMMUNITY_TIME_IN_SECONDS', '10']]), 6000), { ms: 10_000, isOwn: true });
  t.same(immunityOf(new Map([['CHECK_IMMUNITY_TIME_IN_SECONDS', '1']]), 6000), { ms: 6000, isOwn: true });
  t.same(immunityOf(new Map([['CHECK_IMMUNITY_TIME_IN_SECONDS', 'x']]), 6000), { ms: 6000, isOwn: true });
  t.end();
});

test('endRefusal lets a half message be ended by its own group, by both its places', (t) => {
  const right: EndRequest = { group: 'PG', halfOffset: 7, physical: 1000, isCommit: true, isFromCheck: false, ...UNNAMED };
  const { record, properties } = half();
  const refused = (more: Partial<EndRequest>, of = { record, properties }, now = NOW): number =>
    endRefusal({ ...right, ...more }, of.record, of.properties, now, 6000)?.code ?? 0;
  t.equal(refused({}), 0);
  t.equal(endRefusal(right, null, new Map(), NOW, 6000)?.code, 1);
  t.equal(refused({}, half({}, { topic: 'T' })), 1, 'no half message');
  t.equal(refused({ group: 'P' }), 1);
  t.equal(refused({ halfOffset: 8 }), 1);
  t.equal(refused({}, half({ PGROUP: '' })), 1);
  t.equal(refused({ transactionIdHash: javaHash('U'), messageIdHash: javaHash('an offset id') }), 0, 'one name is enough');
  t.equal(refused({ messageIdHash: javaHash('U') }), 0);
  t.equal(refused({ transactionIdHash: javaHash('V'), messageIdHash: javaHash('V') }), 1, 'what lay there before, and is lost');
  t.equal(refused({ messageIdHash: javaHash('V') }), 1);
  const nameless = half();
  nameless.properties.delete('UNIQ_KEY');
  t.equal(refused({ messageIdHash: javaHash('V') }, nameless), 0, 'nothing to tell it by');
  const immune = half({ CHECK_IMMUNITY_TIME_IN_SECONDS: '10' });
  t.equal(refused({}, immune, NOW + 10_000), 0);
  t.equal(refused({}, immune, NOW + 10_001), 604);
  t.equal(refused({ isFromCheck: true }, immune, NOW + 10_001), 0, 'its group was asked');
  t.equal(refused({}, { record, properties }, NOW + 1_000_000), 0, 'without a time of its own it is never too late');
  t.end();
});

test('decideCheck waits, asks and gives up', (t) => {
  const rules = { timeoutMs: 6000, checksMax: 3, keptMs: 100_000 };
  const decide = (more: Record<string, string>, afterMs: number, fields: Partial<MessageRecord> = {}): string => {
    const { record, properties } = half(more, fields);
    const decision = decideCheck(record, properties, rules, NOW + afterMs);
    return decision.kind === 'ask' ? `ask ${decision.times}` : decision.kind;
  };
  t.equal(decide({}, 6000), 'wait');
  t.equal(decide({}, 6001), 'ask 1');
  t.equal(decide({}, 10, { bornTimestamp: NOW - 99_999 }), 'wait', "by the broker's clock");
  t.equal(decide({}, 6001, { bornTimestamp: NOW + 99_999 }), 'ask 1');
  t.equal(decide({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' }, 6001), 'wait');
  t.equal(decide({ TRANSACTION_CHECK_TIMES: '1' }, 10), 'ask 2', 'it was due before');
  t.equal(decide({ TRANSACTION_CHECK_TIMES: '3' }, 10), 'give-up');
  t.equal(decide({}, 100_001), 'give-up', 'about to be removed');
  t.end();
});
