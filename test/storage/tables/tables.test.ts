import { test } from 'tap';
import { parseLenient } from '../../../storage/json-table.ts';
import { decodeConsumerOffsetTable, encodeConsumerOffsetTable } from '../../../storage/tables/consumer-offset-table.ts';
import { dataVersionOf, FIRST_DATA_VERSION, nextVersion } from '../../../storage/tables/data-version.ts';
import { decodeDelayOffsetTable, encodeDelayOffsetTable } from '../../../storage/tables/delay-offset-table.ts';
import {
  decodeSubscriptionGroupTable,
  defaultSubscriptionGroup,
  encodeSubscriptionGroupTable,
} from '../../../storage/tables/subscription-group-table.ts';
import { decodeTopicTable, encodeTopicTable } from '../../../storage/tables/topic-table.ts';

const VERSION = { counter: 3, stateVersion: 0, timestamp: 1_700_000_000_000 };
const back = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("decodeTopicTable reads Java's shape, with defaults for what is missing", async (t) => {
  const table = decodeTopicTable({
    dataVersion: VERSION,
    topicConfigTable: {
      A: {
        attributes: { '+message.type': 'FIFO', bad: 5 },
        order: true,
        perm: 7,
        readQueueNums: 3,
        topicFilterType: 'MULTI_TAG',
        topicName: 'A',
        topicSysFlag: 1,
        writeQueueNums: '4',
      },
      __proto__x: {},
      bad: null,
    },
  });
  t.same(table.dataVersion, VERSION);
  t.same([...table.topics.keys()], ['A', '__proto__x']);
  const attributes = new Map([['+message.type', 'FIFO']]);
  t.same(table.topics.get('A'), {
    attributes,
    order: true,
    perm: 7,
    readQueueNums: 3,
    topicFilterType: 'MULTI_TAG',
    topicName: 'A',
    topicSysFlag: 1,
    writeQueueNums: 4,
  });
  t.match(table.topics.get('__proto__x'), { topicName: '__proto__x', perm: 6, readQueueNums: 16, order: false });
  t.same(decodeTopicTable(back(encodeTopicTable(table))), table);
  t.same(decodeTopicTable(null).topics.size, 0);
});

test('decodeSubscriptionGroupTable keeps fields that it does not know', async (t) => {
  const table = decodeSubscriptionGroupTable({
    dataVersion: VERSION,
    forbiddenTable: { G: { T: 1 } },
    subscriptionGroupTable: {
      G: {
        groupName: 'G',
        retryMaxTimes: 3,
        consumeEnable: false,
        groupRetryPolicy: { type: 'EXPONENTIAL' },
        subscriptionDataSet: [{ topic: 'T' }],
      },
    },
  });
  t.match(table.groups.get('G'), {
    groupName: 'G',
    retryMaxTimes: 3,
    consumeEnable: false,
    retryQueueNums: 1,
    rest: { groupRetryPolicy: { type: 'EXPONENTIAL' } },
  });
  const encoded = back(encodeSubscriptionGroupTable(table)) as { subscriptionGroupTable: { G: Record<string, unknown> } };
  t.same(encoded.subscriptionGroupTable.G['subscriptionDataSet'], [{ topic: 'T' }]);
  t.equal(encoded.subscriptionGroupTable.G['rest'], undefined);
  t.same(back(encodeSubscriptionGroupTable(decodeSubscriptionGroupTable(encoded))), encoded);
  t.match(defaultSubscriptionGroup('X'), { groupName: 'X', retryMaxTimes: 16 });
});

test('decodeConsumerOffsetTable and decodeDelayOffsetTable take unquoted keys and leave out what is no offset', async (t) => {
  const offsets = decodeConsumerOffsetTable(
    parseLenient('{"dataVersion":{"counter":1},"offsetTable":{"T@G":{0:5,1:7,-1:3,2:-9},"__proto__":{0:1},"bad":4}}'),
  );
  t.same(
    offsets.offsets.get('T@G'),
    new Map([
      [0, 5],
      [1, 7],
    ]),
  );
  t.same(offsets.offsets.get('__proto__'), new Map([[0, 1]]), 'a name like any other');
  t.equal(({} as Record<string, unknown>)[0], undefined);
  t.same(decodeConsumerOffsetTable(parseLenient(JSON.stringify(encodeConsumerOffsetTable(offsets)))), offsets);
  const delays = decodeDelayOffsetTable(parseLenient('{"offsetTable":{1:33,2:0}}'));
  t.same(delays, {
    dataVersion: FIRST_DATA_VERSION,
    offsets: new Map([
      [1, 33],
      [2, 0],
    ]),
  });
  t.same(decodeDelayOffsetTable(back(encodeDelayOffsetTable(delays))), delays);
});

test('DataVersion counts changes, and saturates what is too large', async (t) => {
  t.same(nextVersion(VERSION, 5), { counter: 4, stateVersion: 0, timestamp: 5 });
  t.same(dataVersionOf({ counter: '9223372036854775807', stateVersion: 'x', timestamp: 2.9 }), {
    counter: Number.MAX_SAFE_INTEGER,
    stateVersion: 0,
    timestamp: 2,
  });
  t.same(dataVersionOf([]), FIRST_DATA_VERSION);
});
