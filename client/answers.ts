/**
 * What an answer means: success, refusal, or nothing that can be read. Pure.
 */
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import { BodyError, FieldError } from '../protocol/remoting/errors.ts';
import { SUCCESS } from '../protocol/remoting/response-code.ts';
import { ClientError } from './errors.ts';

/** The refusal in an answer's code and remark. */
export function refusal(what: string, address: string, answer: { readonly code: number; readonly remark: string | null }): ClientError {
  const { code, remark } = answer;
  return new ClientError('MQ_CLIENT_REFUSED', `${address} refused ${what}: ${remark ?? 'without a remark'} (code ${code})`, {
    address,
    responseCode: code,
    remark,
  });
}

/** Throws the refusal unless the code is success. */
export function expectSuccess(what: string, address: string, answer: RemotingCommand): RemotingCommand {
  if (answer.code !== SUCCESS) throw refusal(what, address, answer);
  return answer;
}

/** What `read` makes of an answer; what it cannot read is the peer's fault: MQ_CLIENT_BAD_ANSWER. */
export function readAnswer<A, T>(what: string, address: string, answer: A, read: (answer: A) => T): T {
  try {
    return read(answer);
  } catch (cause) {
    if (!(cause instanceof BodyError) && !(cause instanceof FieldError)) throw cause;
    throw new ClientError('MQ_CLIENT_BAD_ANSWER', `${address} answered ${what} with what cannot be read: ${cause.message}`, {
      address,
      cause,
    });
  }
}
