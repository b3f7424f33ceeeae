/**
 * What requests for stored messages have in common: a client that does not read its answers gets no further ones, for each of them
 * may be as large as a frame.
 */
import { FLOW_CONTROL, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { Connection, Request } from '../../request.ts';
import { overfullRemark } from '../../unsent-allowance.ts';

/** Whether the client takes answers. */
export function takesAnswers(connection: Connection): boolean {
  return connection.isOpen && !connection.isOverfull;
}

/** Answers a request whose messages could not be viewed. */
export function refuseView(request: Request): void {
  const { connection } = request;
  if (takesAnswers(connection)) request.answer(SYSTEM_BUSY, 'the store has too many requests waiting; try again');
  else {
    request.answer(FLOW_CONTROL, `${overfullRemark(connection)}; read its answers, then ask again`);
  }
}
