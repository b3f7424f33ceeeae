/** Planted bugs in kinds of consumers: retries, pops, filters. */
import { InnerAppend } from '../../actors/commit-log/inner-append.ts';
import { TagTest } from '../../actors/filter/tag-test.ts';
import { PopLog } from '../../actors/pop/pop-log.ts';
import { REAL_TOPIC } from '../../model/message-property.ts';
import type { PlantedBug } from './planted-bug.ts';
import { replaced } from './replaced.ts';

const FORGOTTEN_EVERY = 4;

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
];
