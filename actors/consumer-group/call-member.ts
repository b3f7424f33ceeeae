/**
 * Asks a member of a group something over its own connection, wherever that is, and gives its whole answer: the shard of the connection asks, and
 * hands long answers over in parts.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.callConsumer`, `Broker2Client.callClient`.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { AskClient, CallOutcome, ClientAnswered } from '../gateway/client-calls.ts';
import { fetchLong } from '../gateway/fetch-long.ts';
import type { GroupDoor } from './group-door.ts';
import type { Member } from './members.ts';

/** How long a client may think. Source: `Broker2Client.callClient`. */
export const CALL_MAX_MS = 10_000;
/** On top of it, for the way between threads and the read of a stored message. */
const SLACK_MS = 3_000;
/** What a client may answer: less than a frame, which it came in and goes out in. */
const ANSWER_BYTES_MAX = 15 * 1024 * 1024;
/** Clients before it cannot answer. Source: `MQVersion.Version.V3_1_8_SNAPSHOT`. */
export const CALL_VERSION_MIN = 62;

export type MemberQuestion = {
  readonly code: number;
  readonly ext: Record<string, string>;
  /** The stored message there becomes the body; −1: none. */
  readonly physical: number;
  readonly timeoutMs: number;
};
export type MemberAnswer = {
  readonly outcome: CallOutcome;
  readonly code: number;
  readonly remark: string;
  readonly ext: Record<string, string>;
  readonly body: Uint8Array;
};

/** The member with this client id; one with several connections is asked over the first. */
export function findMember(door: GroupDoor, group: string, clientId: string): Member | undefined {
  for (const member of door.groups.get(group)?.members.values() ?? []) if (member.clientId === clientId) return member;
  return undefined;
}

export function callMember(
  thread: ThreadContext,
  member: Member,
  question: MemberQuestion,
  onAnswer: (answer: MemberAnswer) => void,
): void {
  const gateway = `gateway/${member.shard}`;
  const { code, ext, physical, timeoutMs } = question;
  thread.ask<ClientAnswered, AskClient>(
    thread.ref(gateway),
    (replyTo) => ({ kind: 'ask-client', connection: member.connection, code, ext, physical, timeoutMs, replyTo }),
    timeoutMs + SLACK_MS,
    (answered) => {
      if (answered === undefined) onAnswer(withoutAnswer('timeout'));
      else if (answered.bytes > ANSWER_BYTES_MAX) onAnswer(withoutAnswer('full'));
      else {
        const { outcome, code: answerCode, remark, ext: answerExt } = answered;
        fetchLong(thread, gateway, answered, (body) => {
          onAnswer(body === null ? withoutAnswer('gone') : { outcome, code: answerCode, remark, ext: answerExt, body });
        });
      }
    },
  );
}

function withoutAnswer(outcome: CallOutcome): MemberAnswer {
  return { outcome, code: 0, remark: '', ext: {}, body: new Uint8Array(0) };
}
