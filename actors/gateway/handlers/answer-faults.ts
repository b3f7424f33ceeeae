/**
 * Wraps handlers so that what a client sent wrong (a missing field, a body that is none) is answered with code 1 and the reason,
 * as the Java broker does. Anything else that is thrown is a bug and goes on to the gateway.
 */
import { BodyError, FieldError } from '../../../protocol/remoting/errors.ts';
import { SYSTEM_ERROR } from '../../../protocol/remoting/response-code.ts';
import type { Handler } from '../request.ts';

export function answerFaults(handler: Handler): Handler {
  return (request) => {
    try {
      handler(request);
    } catch (error) {
      if (!(error instanceof FieldError) && !(error instanceof BodyError)) throw error;
      request.answer(SYSTEM_ERROR, error.message);
    }
  };
}
