import { test } from 'tap';
import { decideRecoveryStart, type RecoveryFacts } from '../../../storage/commit-log/recovery-start.ts';

const FIVE: RecoveryFacts = {
  bases: [100, 200, 300, 400, 500],
  isCleanStop: false,
  snapshotPosition: null,
  areQueuesWhole: true,
  checkpointMs: 0,
  firstStoreTimestamp: (base) => base * 10,
};

const ROWS: [string, Partial<RecoveryFacts>, { from: number; by: string }][] = [
  ['no segments: the beginning', { bases: [] }, { from: 0, by: 'beginning' }],
  ['our snapshot, whatever the stop was', { snapshotPosition: 450, isCleanStop: true }, { from: 450, by: 'snapshot' }],
  ['our snapshot after a crash', { snapshotPosition: 450 }, { from: 450, by: 'snapshot' }],
  ['a snapshot whose segment is gone is none', { snapshotPosition: 99, isCleanStop: true }, { from: 300, by: 'clean-stop' }],
  ['a clean stop: the third last segment', { isCleanStop: true }, { from: 300, by: 'clean-stop' }],
  ['a clean stop of few segments: the first', { isCleanStop: true, bases: [100, 200] }, { from: 100, by: 'clean-stop' }],
  ['a crash: the last segment that begins at or before the checkpoint', { checkpointMs: 3000 }, { from: 300, by: 'checkpoint' }],
  ['a crash, checkpoint in the last segment', { checkpointMs: 9999 }, { from: 500, by: 'checkpoint' }],
  [
    'the beginning when files of queues are lost',
    { areQueuesWhole: false, snapshotPosition: 450, isCleanStop: true },
    { from: 100, by: 'beginning' },
  ],
  ['a crash without a checkpoint: the beginning', {}, { from: 100, by: 'beginning' }],
  [
    'segments without a record are passed over',
    { checkpointMs: 9999, firstStoreTimestamp: (base) => (base > 200 ? null : 1) },
    { from: 200, by: 'checkpoint' },
  ],
];

for (const [title, facts, start] of ROWS) {
  test(`decideRecoveryStart takes ${title}`, async (t) => {
    t.same(decideRecoveryStart({ ...FIVE, ...facts }), start);
  });
}
