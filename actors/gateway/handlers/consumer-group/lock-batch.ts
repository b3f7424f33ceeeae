/**
 * Body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ (41, 42) within the limits of a group. Pure. Fails with a BodyError whose message is
 * fit to be the answer's remark.
 */
import { decodeLockBatch, type LockBatch } from '../../../../protocol/remoting/bodies/lock-batch.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { CLIENT_ID_MAX, LOCK_CHARACTERS_MAX, LOCKS_PER_REQUEST_MAX } from '../../../consumer-group/group-limits.ts';

export function lockBatch(body: Uint8Array): LockBatch {
  const batch = decodeLockBatch(body);
  const { clientId, queues } = batch;
  if (clientId === '' || clientId.length > CLIENT_ID_MAX) {
    throw new BodyError(`The clientId has ${clientId.length} characters; 1 to ${CLIENT_ID_MAX} are needed`);
  }
  if (queues.length > LOCKS_PER_REQUEST_MAX) {
    throw new BodyError(`The mqSet names ${queues.length} queues, at most ${LOCKS_PER_REQUEST_MAX} allowed; send more requests`);
  }
  let characters = 0;
  for (const { topic } of queues) characters += topic.length;
  if (characters > LOCK_CHARACTERS_MAX) {
    throw new BodyError(`The mqSet's topics have ${characters} characters, at most ${LOCK_CHARACTERS_MAX} allowed; send more requests`);
  }
  return batch;
}
