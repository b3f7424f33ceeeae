/**
 * One client's connection, as tools are shown it. Source: RocketMQ 5.3 `Connection`.
 */
import type { BodyReader } from './body-reader.ts';

/** `language` is a name that the reader's enum knows, such as JAVA or GO. */
export type ClientConnection = {
  readonly clientId: string;
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
};

export function readConnection(reader: BodyReader): ClientConnection {
  return {
    clientId: reader.optionalString('clientId') ?? '',
    clientAddr: reader.optionalString('clientAddr') ?? '',
    language: reader.optionalString('language') ?? 'OTHER',
    version: reader.int('version', 0),
  };
}

export function connectionObject(connection: ClientConnection): Record<string, unknown> {
  const { clientAddr, clientId, language, version } = connection;
  return { clientAddr, clientId, language, version };
}
