import { test } from 'tap';
import { assignQueues } from '../../../actors/assignment/assign-queues.ts';
import { parseRequestModes, type RequestMode, requestModesText } from '../../../actors/assignment/request-modes-json.ts';
import {
  decodeAssignments,
  decodeQueryAssignment,
  encodeAssignments,
  encodeQueryAssignment,
} from '../../../protocol/remoting/bodies/query-assignment.ts';
import { thrown } from '../../support/thrown.ts';

const PULL: RequestMode = { mode: 'PULL', shareQueues: 0 };
const queuesOf = (brokerName: string, count: number): { brokerName: string; queueId: number; topic: string }[] =>
  [...Array(count).keys()].map((queueId) => ({ brokerName, queueId, topic: 'T' }));
const four = queuesOf('a', 4);
const usual = { queues: four, members: ['x', 'y', 'z'], clientId: 'x', isBroadcast: false, strategy: 'AVG', mode: PULL, isBalanced: true };
const ids = (change: Partial<typeof usual>): string | null =>
  assignQueues({ ...usual, ...change })
    ?.map(({ brokerName, queueId }) => `${brokerName}${queueId}`)
    .join(' ') ?? null;
const pop = (shareQueues: number): RequestMode => ({ mode: 'POP', shareQueues });

test('assignQueues gives what the Java broker gives', async (t) => {
  for (const [what, change, expected] of [
    ['a share', {}, 'a0 a1'],
    ['dealt out', { strategy: 'AVG_BY_CIRCLE' }, 'a0 a3'],
    ['a strategy that nobody knows', { strategy: 'MINE' }, null],
    ['nobody on line', { members: [] }, null],
    ['not among the members', { clientId: 'w' }, ''],
    ['broadcasting', { isBroadcast: true, members: [] }, 'a0 a1 a2 a3'],
    ['not balanced', { isBalanced: false, members: [] }, 'a0 a1 a2 a3'],
    ['popping: any queue of each broker', { mode: pop(0), queues: [...queuesOf('b', 2), ...four] }, 'a-1 b-1'],
    ['popping by as many as there are', { mode: pop(2) }, 'a-1'],
    ['popping its own and its neighbour’s', { mode: pop(1) }, 'a0 a1 a2'],
    ['the last one’s neighbour is the first', { mode: pop(1), clientId: 'z' }, 'a3 a0 a1'],
    ['popping: more members than queues', { mode: pop(1), queues: queuesOf('a', 2), clientId: 'z' }, 'a0'],
    ['popping: not among the members', { mode: pop(1), clientId: 'w' }, ''],
    ['popping a topic without queues', { mode: pop(0), queues: [] }, ''],
  ] as const) {
    t.equal(ids(change as Partial<typeof usual>), expected, what);
  }
});

test('messageRequestMode.json goes both ways, and what is none is refused', async (t) => {
  const modes = new Map([
    [
      'T',
      new Map([
        ['G', pop(3)],
        ['H', PULL],
      ]),
    ],
  ]);
  const text = requestModesText(modes);
  t.match(text, '{"messageRequestModeMap":{"T":{"G":{"consumerGroup":"G","mode":"POP","popShareQueueNum":3,"topic":"T"}');
  t.same(parseRequestModes(JSON.parse(text)), modes);
  t.same(parseRequestModes({}), new Map());
  t.same(parseRequestModes({ messageRequestModeMap: { T: { G: {} } } }), new Map([['T', new Map([['G', PULL]])]]));
  for (const bad of [
    [],
    { messageRequestModeMap: 1 },
    { messageRequestModeMap: { T: { G: { mode: 'PUSH' } } } },
    { messageRequestModeMap: { T: { G: { popShareQueueNum: 'x' } } } },
  ]) {
    t.match(
      thrown(() => parseRequestModes(bad)),
      { code: 'MQ_ASSIGNMENT_BAD_MODES' },
    );
  }
});

test('QUERY_ASSIGNMENT’s bodies go both ways', async (t) => {
  const asked = { topic: 'T', consumerGroup: 'G', clientId: 'c', strategyName: 'AVG', messageModel: 'CLUSTERING' };
  t.same(decodeQueryAssignment(encodeQueryAssignment(asked)), asked);
  const assignments = [{ queue: four[0]!, mode: 'POP' }];
  t.equal(
    Buffer.from(encodeAssignments(assignments)).toString(),
    '{"messageQueueAssignments":[{"messageQueue":{"brokerName":"a","queueId":0,"topic":"T"},"mode":"POP"}]}',
  );
  t.same(decodeAssignments(encodeAssignments(assignments)), assignments);
  t.equal(decodeAssignments(encodeAssignments(null)), null);
});
