/** Planted bugs in kinds of consumers and messages: retries, pops, filters, recalls, requests, resumed half messages, assignments. */
import { REQUEST_MODES_FILE } from '../../actors/assignment/request-modes-json.ts';
import { TopicRoutes } from '../../actors/assignment/topic-routes.ts';
import { InnerAppend, type InnerMessage } from '../../actors/commit-log/inner-append.ts';
import { GroupDoor } from '../../actors/consumer-group/group-door.ts';
import { TagTest } from '../../actors/filter/tag-test.ts';
import { ClientCalls } from '../../actors/gateway/client-calls.ts';
import { PopLog } from '../../actors/pop/pop-log.ts';
import { TableCourierActor } from '../../actors/store/table-courier-actor.ts';
import { RecalledTimers } from '../../actors/timer/recalled-timers.ts';
import { WheelFetches } from '../../actors/timer/wheel-fetches.ts';
import { WheelFilesActor } from '../../actors/timer/wheel-files-actor.ts';
import { isResumedMark } from '../../actors/transaction/half-message.ts';
import { ResumedMarks } from '../../actors/transaction/resumed-marks.ts';
import { REAL_TOPIC } from '../../model/message-property.ts';
import type { PlantedBug } from './planted-bug.ts';
import { replaced, together } from './replaced.ts';

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
      return together(
        replaced(TagTest.prototype, 'all', () => () => true),
        replaced(TagTest.prototype, 'matches', () => () => true),
      );
    },
  },
  {
    name: 'recalled-in-every-topic',
    what: 'a word that takes a message back means that unique key in any topic',
    patch: () => {
      return together(
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
      );
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
  {
    name: 'reply-to-another',
    what: 'a reply goes to the newest of the clients whose ids begin alike',
    patch: () => {
      const alike = (clientId: string): string => clientId.replace(/-\d+$/, '');
      return together(
        replaced(
          GroupDoor.prototype,
          'nameProducer',
          (former) =>
            function (connection: unknown, clientId: string) {
              former.call(this, connection, alike(clientId));
            },
        ),
        replaced(
          GroupDoor.prototype,
          'findProducer',
          (former) =>
            function (clientId: string) {
              return former.call(this, alike(clientId));
            },
        ),
      );
    },
  },
  {
    name: 'reply-always-taken',
    what: 'who replies is told that the client took it, whatever the client said',
    patch: () =>
      replaced(
        ClientCalls.prototype,
        'answered',
        (former) =>
          function (connection: number, answer: object) {
            former.call(this, connection, { ...answer, code: 0 });
          },
      ),
  },
  {
    name: 'resumed-and-not-stored',
    what: 'a half message that is resumed is not stored',
    transactions: true,
    patch: () =>
      replaced(
        InnerAppend.prototype,
        'appendAll',
        (former) =>
          function (messages: readonly Partial<InnerMessage>[], done) {
            const isResumed = messages.some(({ properties }) => properties !== undefined && isResumedMark(properties));
            if (!isResumed) return former.call(this, messages, done);
            done(messages.map(() => ({ kind: 'stored', outcome: 0, remark: '', physicalOffset: 0, queueOffset: 0 })));
            return null;
          },
      ),
  },
  {
    name: 'resumed-again-after-a-start',
    what: 'what was resumed before a start may be resumed once more',
    transactions: true,
    patch: () =>
      replaced(ResumedMarks.prototype, 'whenRead', () => (context: unknown, then: (context: unknown) => void) => {
        then(context);
      }),
  },
  {
    name: 'mode-not-saved',
    what: 'how a group reads is acknowledged and not saved',
    patch: () =>
      replaced(
        TableCourierActor.prototype,
        'receive',
        (former) =>
          function (message: { name?: string; replyTo?: { tell(saved: object): void } }, context) {
            if (message.name === REQUEST_MODES_FILE) message.replyTo!.tell({ kind: 'table-saved', name: message.name, ok: true });
            else former.call(this, message, context);
          },
      ),
  },
  {
    name: 'route-kept-for-ever',
    what: 'queues that a topic gets later are given to nobody',
    patch: () => {
      const kept = new WeakMap<object, Map<string, unknown>>();
      return replaced(
        TopicRoutes.prototype,
        'of',
        (former) =>
          function (topic: string, onQueues: (queues: unknown) => void) {
            const own = kept.get(this) ?? new Map<string, unknown>();
            kept.set(this, own);
            if (own.has(topic)) onQueues(own.get(topic));
            else {
              former.call(this, topic, (queues: unknown) => {
                if (queues !== null) own.set(topic, queues);
                onQueues(queues);
              });
            }
          },
      );
    },
  },
];
