/** What keeps a command from doing what it was asked, with what to do about it. Usage errors are the parser's. */

export type CommandErrorCode =
  /** A topic, group or broker that nobody knows. */
  | 'MQ_CLI_NOT_FOUND'
  /** What would be made is there already. */
  | 'MQ_CLI_EXISTS'
  /** The answer to a question was no, or there was nobody to ask. */
  | 'MQ_CLI_NOT_CONFIRMED'
  /** It cannot be done as things are; the text says what has to be otherwise. */
  | 'MQ_CLI_REFUSED'
  /** The broker does not serve a request that the command needs. */
  | 'MQ_CLI_NOT_SERVED'
  /** A file cannot be read. */
  | 'MQ_CLI_FILE';

export class CommandError extends Error {
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.code = code;
  }
}
