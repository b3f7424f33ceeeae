/** Planted bugs in kinds of consumers and messages: retries, pops, filters, recalls. */
import { InnerAppend } from '../../actors/commit-log/inner-append.ts';
import { TagTest } from '../../actors/filter/tag-test.ts';
import { PopLog } from '../../actors/pop/pop-log.ts';
import { RecalledTimers } from '../../actors/timer/recalled-timers.ts';
import { WheelFetches } from '../../actors/timer/wheel-fetches.ts';
import { WheelFilesActor } from '../../actors/timer/wheel-files-actor.ts';
import { REAL_TOPIC } from '../../model/message-property.ts';
import type { PlantedBug } from './planted-bug.ts';
import { replaced } from './replaced.ts';

const FORGOTTEN_EVERY = 4;
const EARLY_MS = 400;

export const kindBugs: readonly PlantedBug[] = [
  {
    name: 'given-back-forgotten',
    what: 'a message that a consumer gives back is acknowledged, and one in four is not stored',
    patch: () => {
      let count = 0;
      return replaced(
        InnerAppend.prototype,
        'append',
        (former) =>
          function (message, done, isPatient) {
            const isBack = String(message.properties.get(REAL_TOPIC)).startsWith('%RETRY%');
            if (!isBack || count++ % FORGOTTEN_EVERY !== 0) return former.call(this, message, done, isPatient);
            done({ kind: 'stored', outcome: 0, remark: '', physicalOffset: 0, queueOffset: 0 });
            return null;
          },
      );
    },
  },
  {
    name: 'pop-acknowledgement-untold',
    what: 'the journal is not told what was acknowledged',
    patch: () =>
      replaced(
        PopLog.prototype,
        'add',
        (former) =>
          function (retry: number, queueId: number, event: { kind: string }) {
            if (event.kind !== 'settled') former.call(this, retry, queueId, event);
          },
      ),
  },
  {
    name: 'tag-by-hash-alone',
    what: 'a tag that shares its hash with a wanted one passes',
    patch: () => {
      const undo = [replaced(TagTest.prototype, 'all', () => () => true), replaced(TagTest.prototype, 'matches', () => () => true)];
      return () => {
        for (const each of undo) each();
      };
    },
  },
  {
    name: 'recalled-in-every-topic',
    what: 'a word that takes a message back means that unique key in any topic',
    patch: () => {
      const undo = [
        replaced(
          RecalledTimers.prototype,
          'add',
          (former) =>
            function (name: string, untilMs: number) {
              former.call(this, name.replace(/^[^+]*/, ''), untilMs);
            },
        ),
        replaced(
          RecalledTimers.prototype,
          'has',
          (former) =>
            function (_topic: string, uniqueKey: string) {
              return former.call(this, '', uniqueKey);
            },
        ),
      ];
      return () => {
        for (const each of undo) each();
      };
    },
  },
  {
    name: 'recall-forgotten-early',
    what: 'what was taken back is forgotten before the last message of its second has passed',
    patch: () =>
      replaced(
        RecalledTimers.prototype,
        'forget',
        (former) =>
          function (ms: number) {
            former.call(this, ms + EARLY_MS);
          },
      ),
  },
  {
    name: 'recall-not-waited-for',
    what: 'messages are delivered while words that may take them back are still being read',
    patch: () => replaced(WheelFetches.prototype, 'wordKey', () => () => Number.POSITIVE_INFINITY),
  },
  {
    name: 'recall-lost-with-a-start',
    what: 'a start does not read the words again whose messages are still to come',
    patch: () =>
      replaced(
        WheelFilesActor.prototype,
        'receive',
        (former) =>
          function (message: { marks?: { keys: number[]; physicals: number[]; ends: number[] } }, context) {
            const { marks } = message;
            if (marks === undefined) return former.call(this, message, context);
            const { keys, physicals, ends } = marks;
            // What words are wanted is told by the last mark: one that settles nothing, and is later than all.
            const late = { keys: [...keys, Number.MAX_SAFE_INTEGER], physicals: [...physicals, 0], ends: [...ends, 0] };
            return former.call(this, { ...message, marks: late }, context);
          },
      ),
  },
];
