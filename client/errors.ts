/**
 * The errors of this room, all of one class with a stable code. `responseCode` and `remark` are the peer's when it answered; `cause` is what
 * went wrong below. A refusal of a broker is `MQ_CLIENT_REFUSED`; what came to no answer has a code of its own.
 */

export type ClientErrorCode =
  /** An argument breaks a rule: nothing was sent. */
  | 'MQ_CLIENT_ARGUMENT'
  /** The object is closed, or closes. */
  | 'MQ_CLIENT_CLOSED'
  /** No connection to the address; the text has the reason. */
  | 'MQ_CLIENT_NOT_CONNECTED'
  /** The connection went while an answer was awaited: the request may have been carried out. */
  | 'MQ_CLIENT_CONNECTION_LOST'
  /** No answer in time: the request may have been carried out. */
  | 'MQ_CLIENT_TIMEOUT'
  /** The peer answered with a code that is no success. */
  | 'MQ_CLIENT_REFUSED'
  /** The peer answered what cannot be read. */
  | 'MQ_CLIENT_BAD_ANSWER'
  /** More waits than the object's limit allows. */
  | 'MQ_CLIENT_LIMIT'
  /** No name server knows a broker that takes or has the topic. */
  | 'MQ_CLIENT_NO_ROUTE'
  /** A handler threw; `cause` is what. Only told, never thrown. */
  | 'MQ_CLIENT_HANDLER'
  /** The program's own offset store threw; only told, never thrown. */
  | 'MQ_CLIENT_OFFSET_STORE'
  /** A value that the topic's validator refuses. */
  | 'MQ_CLIENT_INVALID_VALUE';

export type ClientErrorDetails = {
  readonly address?: string;
  readonly responseCode?: number;
  readonly remark?: string | null;
  readonly cause?: unknown;
};

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** The peer; null when the error concerns none. */
  readonly address: string | null;
  /** RocketMQ's response code; null without an answer. */
  readonly responseCode: number | null;
  /** The peer's own words. */
  readonly remark: string | null;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ClientError';
    this.code = code;
    this.address = details.address ?? null;
    this.responseCode = details.responseCode ?? null;
    this.remark = details.remark ?? null;
  }
}

/** Text of whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
