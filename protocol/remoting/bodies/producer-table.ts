/**
 * Answer of GET_ALL_PRODUCER_INFO (328): every producer group with its members. Source: RocketMQ 5.3 `ProducerTableInfo`, `ProducerInfo`.
 */
import { bodyObject, readerOf } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

/** `lastUpdateTimestamp`: when its last heartbeat came. */
export type ProducerInfo = {
  readonly clientId: string;
  /** `ip:port` */
  readonly remoteIP: string;
  readonly language: string;
  readonly version: number;
  readonly lastUpdateTimestamp: number;
};

export type ProducerTable = ReadonlyMap<string, readonly ProducerInfo[]>;

export function decodeProducerTable(bytes: Uint8Array): ProducerTable {
  const groups = bodyObject(bytes, 'a ProducerTableInfo')
    .table('data')
    .map(([group, value]) => {
      const members = readerOf({ members: value }, `the producers of ${group}`).objects('members');
      const infos = members.map((member) => ({
        clientId: member.optionalString('clientId') ?? '',
        remoteIP: member.optionalString('remoteIP') ?? '',
        language: member.optionalString('language') ?? 'OTHER',
        version: member.int('version', 0),
        lastUpdateTimestamp: member.time('lastUpdateTimestamp', 0),
      }));
      return [group, infos] as const;
    });
  return new Map(groups);
}

export function encodeProducerTable(table: ProducerTable): Uint8Array {
  const groups = [...table].map(([group, members]) => {
    const objects = members.map(({ clientId, language, lastUpdateTimestamp, remoteIP, version }) => ({
      clientId,
      language,
      lastUpdateTimestamp,
      remoteIP,
      version,
    }));
    return [group, objects] as const;
  });
  return jsonBody({ data: Object.fromEntries(groups) });
}
