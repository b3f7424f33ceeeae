/**
 * What became of a message that a client was told to consume at once: its answer to CONSUME_MESSAGE_DIRECTLY (309).
 * Source: RocketMQ 5.3 `ConsumeMessageDirectlyResult`, `CMResult`; the Go client sends the result's number.
 */
import { BodyError } from '../errors.ts';
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

const RESULTS = ['CR_SUCCESS', 'CR_LATER', 'CR_ROLLBACK', 'CR_COMMIT', 'CR_THROW_EXCEPTION', 'CR_RETURN_NULL'] as const;
export type ConsumeResult = (typeof RESULTS)[number];

export type ConsumeDirectlyResult = {
  readonly consumeResult: ConsumeResult;
  readonly order: boolean;
  readonly autoCommit: boolean;
  /** What the handler threw. */
  readonly remark: string | null;
  /** How long it took, in milliseconds; spelled as RocketMQ does. */
  readonly spentTimeMills: number;
};

export function decodeConsumeDirectlyResult(bytes: Uint8Array): ConsumeDirectlyResult {
  const reader = bodyObject(bytes, 'a ConsumeMessageDirectlyResult');
  const text = reader.string('consumeResult');
  const consumeResult = RESULTS.find((result, index) => result === text || String(index) === text);
  if (consumeResult === undefined)
    throw new BodyError(`consumeResult of a ConsumeMessageDirectlyResult is ${JSON.stringify(text.slice(0, 40))}`);
  return {
    consumeResult,
    order: reader.boolean('order', false),
    autoCommit: reader.boolean('autoCommit', true),
    remark: reader.optionalString('remark'),
    spentTimeMills: reader.long('spentTimeMills', 0),
  };
}

export function encodeConsumeDirectlyResult(result: ConsumeDirectlyResult): Uint8Array {
  const { autoCommit, consumeResult, order, remark, spentTimeMills } = result;
  return jsonBody({ autoCommit, consumeResult, order, remark, spentTimeMills });
}
