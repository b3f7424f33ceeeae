/**
 * The errors of the remoting protocol: what a peer sent is not what the protocol says.
 */

export type FrameFault =
  | 'negative-length'
  | 'frame-too-large'
  | 'frame-too-short'
  | 'header-beyond-frame'
  | 'header-too-large'
  | 'unknown-serializer'
  | 'malformed-header';

/** A frame that cannot be read: the connection it came by is to be closed, for nothing after it can be trusted. */
export class FrameError extends Error {
  readonly code = 'MQ_PROTOCOL_BAD_FRAME';
  readonly fault: FrameFault;

  constructor(fault: FrameFault, message: string) {
    super(message);
    this.name = 'FrameError';
    this.fault = fault;
  }
}

/** A request's header field that is missing or malformed. The message is fit to be the answer's remark (code 1). */
export class FieldError extends Error {
  readonly code = 'MQ_PROTOCOL_BAD_FIELD';
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.name = 'FieldError';
    this.field = field;
  }
}

/** A request's or an answer's body that cannot be read. The message is fit to be the answer's remark (code 1). */
export class BodyError extends Error {
  readonly code = 'MQ_PROTOCOL_BAD_BODY';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BodyError';
  }
}
