/**
 * messageRequestMode.json: which groups pop which topics, in RocketMQ's own shape, which a Java broker reads and writes too. Pure.
 * `{"messageRequestModeMap":{"<topic>":{"<group>":{"consumerGroup":…,"mode":"PULL"|"POP","popShareQueueNum":n,"topic":…}}}}`.
 * Source: RocketMQ 5.3 `MessageRequestModeManager`, `SetMessageRequestModeRequestBody`.
 */

export const REQUEST_MODES_FILE = 'messageRequestMode.json';

/** `shareQueues`: members beside its own that pop a queue; 0 or less: all. */
export type RequestMode = { readonly mode: 'PULL' | 'POP'; readonly shareQueues: number };
/** By topic, then group. */
export type RequestModes = Map<string, Map<string, RequestMode>>;

/** A messageRequestMode.json that is no table of modes. */
export class RequestModesFileError extends Error {
  readonly code = 'MQ_ASSIGNMENT_BAD_MODES';

  constructor(reason: string) {
    super(`Cannot read ${REQUEST_MODES_FILE}: ${reason}; a good copy may be in ${REQUEST_MODES_FILE}.bak`);
    this.name = 'RequestModesFileError';
  }
}

/** The file's text. */
export function requestModesText(modes: RequestModes): string {
  const table: Record<string, Record<string, unknown>> = {};
  for (const [topic, groups] of modes) {
    const row: Record<string, unknown> = {};
    for (const [consumerGroup, { mode, shareQueues }] of groups)
      row[consumerGroup] = { consumerGroup, mode, popShareQueueNum: shareQueues, topic };
    table[topic] = row;
  }
  return `${JSON.stringify({ messageRequestModeMap: table })}\n`;
}

/** Reads the parsed file: lenient in what may be missing, strict in what is there. */
export function parseRequestModes(parsed: unknown): RequestModes {
  const modes: RequestModes = new Map();
  for (const [topic, groups] of Object.entries(
    record(record(parsed, 'the table')['messageRequestModeMap'] ?? {}, 'messageRequestModeMap'),
  )) {
    const row = new Map<string, RequestMode>();
    for (const [group, value] of Object.entries(record(groups, `the row of ${topic}`))) {
      const { mode = 'PULL', popShareQueueNum = 0 } = record(value, `the mode of ${group}`);
      if (mode !== 'PULL' && mode !== 'POP')
        throw new RequestModesFileError(`the mode of ${group} is ${JSON.stringify(mode)}, PULL or POP is needed`);
      if (!Number.isSafeInteger(popShareQueueNum)) throw new RequestModesFileError(`popShareQueueNum of ${group} is no integer`);
      row.set(group, { mode, shareQueues: popShareQueueNum as number });
    }
    modes.set(topic, row);
  }
  return modes;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RequestModesFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}
