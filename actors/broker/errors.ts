/**
 * Faults that keep a broker from starting or end it: the table of this folder's errors. Each has a code that is a promise
 * (listed in docs/errors.md), the values at fault as fields, and a text that says what to do.
 */

/** A value that cannot be used. Nothing was started. */
export class ConfigError extends Error {
  readonly code = 'MQ_CONFIG_VALUE';
  readonly key: string;
  readonly value: string;
  /** What would have been accepted. */
  readonly range: string;
  /** Where the value came from: a line of a file, an environment variable, a flag. */
  readonly source: string;

  constructor(key: string, value: string, range: string, source: string) {
    super(`Cannot use ${key}=${value.length > 200 ? `${value.slice(0, 200)}…` : value} (${source}): must be ${range}`);
    this.name = 'ConfigError';
    this.key = key;
    this.value = value;
    this.range = range;
    this.source = source;
  }
}

/** A text that is no configuration at all: too long, or broken off. */
export class ConfigTextError extends Error {
  readonly code = 'MQ_CONFIG_TEXT';
  readonly source: string;

  constructor(source: string, reason: string) {
    super(`Cannot read the configuration ${source}: ${reason}`);
    this.name = 'ConfigTextError';
    this.source = source;
  }
}

/** A port that another process listens on. Nothing was started. */
export class PortInUseError extends Error {
  readonly code = 'MQ_PORT_IN_USE';
  readonly host: string;
  readonly port: number;
  /** Who has it, as far as this process may see: "pid 4711 (node bin/ringmq.ts start)". */
  readonly holder: string;

  constructor(host: string, port: number, holder: string) {
    super(`Cannot listen on ${host}:${port}: held by ${holder}; stop it or choose another port`);
    this.name = 'PortInUseError';
    this.host = host;
    this.port = port;
    this.holder = holder;
  }
}

/** An address that this machine does not have, or a port that needs more rights. Nothing was started. */
export class PortRefusedError extends Error {
  readonly code = 'MQ_PORT_REFUSED';
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, cause: Error) {
    super(`Cannot listen on ${host}:${port}: ${cause.message}; choose an address of this machine and a port that you may use`, { cause });
    this.name = 'PortRefusedError';
    this.host = host;
    this.port = port;
  }
}
