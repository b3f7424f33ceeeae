/**
 * Planted bugs in methods: one of production's classes has another method for the length of a seed, or a thread is told something else
 * than the others.
 */
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { InnerAppend } from '../../actors/commit-log/inner-append.ts';
import { LaneView } from '../../actors/commit-log/log-lane.ts';
import { Sequencer } from '../../actors/commit-log/sequencer.ts';
import { FLUSHED_END, type Mark, Watermarks, WRITTEN_END } from '../../actors/commit-log/watermarks.ts';
import { SendAnswers } from '../../actors/gateway/send-answers.ts';
import { QueueActor } from '../../actors/queue/queue-actor.ts';
import { QueueTable } from '../../actors/queue/queue-table.ts';
import { TailFiler } from '../../actors/queue/tail-filer.ts';
import { TailWriter } from '../../actors/queue/tail-writer.ts';
import { CheckpointSteps } from '../../actors/store/checkpoint-steps.ts';
import { TableCourierActor } from '../../actors/store/table-courier-actor.ts';
import { DeliveryProgress } from '../../actors/timer/delivery-progress.ts';
import { FlightLedger } from '../../actors/timer/flight-ledger.ts';
import { WheelDelivery } from '../../actors/timer/wheel-delivery.ts';
import { EndDesk } from '../../actors/transaction/end-desk.ts';
import { TransactionLedger } from '../../actors/transaction/transaction-ledger.ts';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import type { PlantedBug } from './planted-bug.ts';
import { type Method, replaced, together } from './replaced.ts';

/** Within `name` of `target`, the flushed mark reads as the written one. */
function flushedIsWritten(target: object, name: string): () => void {
  let isInside = false;
  return together(
    replaced(
      target,
      name,
      (former) =>
        function (...given) {
          isInside = true;
          try {
            return former.apply(this, given);
          } finally {
            isInside = false;
          }
        },
    ),
    replaced(
      Watermarks.prototype,
      'read',
      (former) =>
        function (mark: Mark) {
          return former.call(this, isInside && mark === FLUSHED_END ? WRITTEN_END : mark);
        },
    ),
  );
}

export const methodBugs: readonly PlantedBug[] = [
  {
    name: 'acknowledge-at-written',
    what: 'with synchronous flush a send is acknowledged when it is written',
    patch: () => flushedIsWritten(SendAnswers.prototype, 'poll'),
  },
  {
    name: 'visible-at-written',
    what: 'with synchronous flush consumers see what is not on the disk yet',
    patch: () => flushedIsWritten(QueueActor.prototype, 'receive'),
  },
  {
    name: 'fence-forgotten',
    what: 'a failed sync is reported, and sends are acknowledged all the same',
    patch: () => replaced(Watermarks.prototype, 'fence', () => () => {}),
  },
  {
    name: 'sync-cut-short-forgotten',
    what: 'a sync worker goes on behind a sync whose end its predecessor did not live to see',
    patch: () => replaced(Watermarks.prototype, 'syncWasCutShort', () => () => false),
  },
  {
    name: 'read-lapped-lane',
    what: 'a pull trusts bytes of a lane that were overwritten',
    patch: () => replaced(LaneView.prototype, 'intact', () => () => true),
  },
  {
    name: 'truncate-too-early',
    what: 'recovery cuts the log one page before its end',
    patch: () =>
      replaced(
        CommitLog.prototype,
        'truncateAfter',
        (former) =>
          function (position: number) {
            return former.call(this, Math.max(this.minOffset, position - 4096));
          },
      ),
  },
  {
    name: 'cut-back-too-early',
    what: 'after a write without room the log is cut at the beginning of its page',
    patch: () =>
      replaced(
        CommitLog.prototype,
        'cutBack',
        (former) =>
          function (position: number) {
            return former.call(this, position - (position % 4096));
          },
      ),
  },
  {
    name: 'offsets-not-given-back',
    what: 'queue offsets of a run that was not written are used up',
    patch: () => replaced(TailWriter.prototype, 'giveBack', () => () => {}),
  },
  {
    name: 'offsets-given-twice',
    what: 'a queue offset is given back twice, and so used again',
    patch: () =>
      replaced(
        TailWriter.prototype,
        'giveBack',
        (former) =>
          function (handle: number) {
            former.call(this, handle);
            if (this.peek(handle) > 0) former.call(this, handle);
          },
      ),
  },
  {
    name: 'take-over-forgets-units',
    what: 'a log worker that replaces a dead one does not show what was written and not shown',
    patch: () => {
      let isTakingOver = false;
      const unlessTakingOver = (former: Method): Method =>
        function (...given) {
          return isTakingOver ? undefined : former.apply(this, given);
        };
      return together(
        replaced(
          Sequencer.prototype,
          'takeOver',
          (former) =>
            function () {
              isTakingOver = true;
              try {
                former.call(this);
              } finally {
                isTakingOver = false;
              }
            },
        ),
        replaced(TailWriter.prototype, 'take', unlessTakingOver),
        replaced(TailWriter.prototype, 'append', unlessTakingOver),
      );
    },
  },
  {
    name: 'reuse-offset-after-start',
    what: 'after a start a queue goes on at the offset of its last message',
    patch: () =>
      replaced(
        QueueTable.prototype,
        'create',
        (former) =>
          function (handle: number, min: number, next: number, owner: number) {
            return former.call(this, handle, min, next > min ? next - 1 : next, owner);
          },
      ),
  },
  {
    name: 'skip-body-checksum',
    what: 'a record counts as whole whatever its body’s checksum says',
    patch: () => {
      const former = zlib.crc32;
      (zlib as { crc32: unknown }).crc32 = () => 0;
      syncBuiltinESMExports();
      return () => {
        (zlib as { crc32: unknown }).crc32 = former;
        syncBuiltinESMExports();
      };
    },
  },
  {
    name: 'checkpoint-too-far',
    what: 'a checkpoint says of units that are still in memory that they are in their files',
    patch: () => {
      let written = 0;
      return together(
        replaced(
          Watermarks.prototype,
          'read',
          (former) =>
            function (mark: Mark) {
              const end = former.call(this, mark);
              if (mark === WRITTEN_END) written = end;
              return end;
            },
        ),
        replaced(
          CheckpointSteps.prototype,
          'begin',
          (former) =>
            function (_position: number, timestamp: number, recent: unknown) {
              return former.call(this, written, timestamp, recent);
            },
        ),
      );
    },
  },
  {
    name: 'filed-without-chunk',
    what: 'a chunk of units is given back before it is in its file',
    patch: () =>
      replaced(
        TailFiler.prototype,
        'file',
        (former) =>
          function (handle: number, upTo: number, write: (first: number, bytes: Uint8Array) => void) {
            let runs = 0;
            return former.call(this, handle, upTo, (first: number, bytes: Uint8Array) => {
              if (runs++ === 0) write(first, bytes);
            });
          },
      ),
  },
  {
    name: 'delivery-saved-before-the-log',
    what: 'the delay levels say what was delivered before the disk has it',
    patch: () =>
      replaced(
        TableCourierActor.prototype,
        'receive',
        (former) =>
          function (message: { kind: string; after?: number }, context) {
            return former.call(this, message.kind === 'save-table' ? { ...message, after: 0 } : message, context);
          },
      ),
  },
  {
    name: 'table-lost-with-its-thread',
    what: 'a table told to a store worker that died is saved half a minute later',
    patch: () => replaced(TableCourierActor.prototype, 'started', () => () => {}),
  },
  {
    name: 'delivered-before-stored',
    what: 'a delayed message counts as delivered when its level has taken it',
    patch: () => {
      const former = Object.getOwnPropertyDescriptor(DeliveryProgress.prototype, 'done')!;
      Object.defineProperty(DeliveryProgress.prototype, 'done', {
        configurable: true,
        get(this: DeliveryProgress) {
          return this.next;
        },
      });
      return () => Object.defineProperty(DeliveryProgress.prototype, 'done', former);
    },
  },
  {
    name: 'delivery-not-awaited',
    what: 'a delivery is settled when it is in the lane, whatever becomes of it',
    patch: () =>
      replaced(
        InnerAppend.prototype,
        'append',
        (former) =>
          function (message, done, isPatient) {
            if (message.delayLevel > 0) return former.call(this, message, done, isPatient);
            const taken = former.call(this, message, () => {}, isPatient);
            if (taken === null) done({ kind: 'stored', outcome: 0, physicalOffset: 0, queueOffset: 0 });
            return taken;
          },
      ),
  },
  {
    name: 'timer-early',
    what: 'a timed message is delivered half a second before its time',
    patch: () =>
      replaced(
        WheelDelivery.prototype,
        'fire',
        (former) =>
          function (now: number, wordKey: number) {
            return former.call(this, now + 500, wordKey);
          },
      ),
  },
  {
    name: 'timer-settled-when-taken',
    what: 'the wheel says of what it has taken off that it is delivered',
    patch: () => {
      const former = Object.getOwnPropertyDescriptor(FlightLedger.prototype, 'doneKey')!;
      Object.defineProperty(FlightLedger.prototype, 'doneKey', {
        configurable: true,
        get(this: FlightLedger) {
          return this.takenKey;
        },
      });
      return () => Object.defineProperty(FlightLedger.prototype, 'doneKey', former);
    },
  },
  {
    name: 'ended-halves-forgotten',
    what: 'a start does not look which half messages were ended',
    transactions: true,
    patch: () => replaced(TransactionLedger.prototype, 'markEnded', () => () => {}),
  },
  {
    name: 'rollback-forgotten',
    what: 'a half message that was rolled back is committed',
    transactions: true,
    patch: () =>
      replaced(
        EndDesk.prototype,
        'take',
        (former) =>
          function (end: { isCommit: boolean }, context: unknown) {
            return former.call(this, { ...end, isCommit: true }, context);
          },
      ),
  },
  {
    name: 'delivered-early',
    what: 'the time of delivery is half of what the level says',
    parts: {
      data: (data, thread) =>
        thread === 'log' ? { ...data, delayLevelsMs: (data['delayLevelsMs'] as number[]).map((ms) => Math.floor(ms / 2)) } : data,
    },
  },
];
