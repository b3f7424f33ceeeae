/**
 * Body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ (41, 42). Pure. Fails with a BodyError whose message is fit to be the answer's remark.
 * Source: RocketMQ `LockBatchRequestBody`, `UnlockBatchRequestBody`.
 */
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { CLIENT_ID_MAX, LOCKS_PER_REQUEST_MAX } from '../../../consumer-group/group-limits.ts';
import { integer, list, object, parse, text } from './heartbeat-body.ts';

/** A queue as the client named it; its broker name goes back as it came. */
export type LockedQueue = { readonly brokerName: string; readonly queueId: number; readonly topic: string };
export type LockBody = { readonly clientId: string; readonly group: string; readonly queues: readonly LockedQueue[] };

export function decodeLockBody(body: Uint8Array): LockBody {
  const root = parse(body);
  const clientId = text(root['clientId']);
  if (clientId === '' || clientId.length > CLIENT_ID_MAX) {
    throw new BodyError(`The clientId has ${clientId.length} characters; 1 to ${CLIENT_ID_MAX} are needed`);
  }
  const entries = list(root['mqSet']);
  if (entries.length > LOCKS_PER_REQUEST_MAX) {
    throw new BodyError(`The mqSet names ${entries.length} queues, at most ${LOCKS_PER_REQUEST_MAX} allowed; send more requests`);
  }
  const queues = entries.map((entry): LockedQueue => {
    const queue = object(entry, 'mqSet');
    return { brokerName: text(queue['brokerName']), queueId: integer(queue['queueId']), topic: text(queue['topic']) };
  });
  return { clientId, group: text(root['consumerGroup']), queues };
}
