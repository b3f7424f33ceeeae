/**
 * What requests for stored messages have in common: a client that does not read its answers gets no further ones, for each of them
 * may be as large as a frame.
 */
import { FLOW_CONTROL, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { Connection, Request } from '../../request.ts';

/** Whether the client takes answers. */
export function takesAnswers(connection: Connection): boolean {
  return connection.isOpen && !connection.isOverfull;
}

/** Answers a request whose messages could not be viewed. */
export function refuseView(request: Request): void {
  const { connection } = request;
  if (takesAnswers(connection)) request.answer(SYSTEM_BUSY, 'the store has too many requests waiting; try again');
  else {
    const text = `the connection has ${connection.unsentBytes} bytes to be read, which is the most`;
    request.answer(FLOW_CONTROL, `${text}; read its answers, then ask again`);
  }
}
