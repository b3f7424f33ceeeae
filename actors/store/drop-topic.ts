/**
 * A deleted topic's queues leave the store: the deletion is noted before anything goes, so that a crash in between is finished by the
 * next start; then they go from the tails, the handles and the disk. Done twice it changes nothing. Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.deleteTopics`, `ConsumeQueueStore.deleteTopic`.
 */
import { noteDeletedTopic } from '../../storage/deleted-topics.ts';
import type { CheckpointSteps } from './checkpoint-steps.ts';
import type { FileTails } from './file-tails.ts';
import type { StoreFiles } from './open-store.ts';

/** @param position the topic's records lie before it in the log */
export function dropTopic(files: StoreFiles, tails: FileTails, checkpoint: CheckpointSteps, topic: string, position: number): void {
  const { disk, layout, deleted, log, queues, handles } = files;
  noteDeletedTopic(disk, layout.deletedTopics, deleted, topic, position, log.minOffset);
  // A checkpoint under way has the ranges of the topic's queues.
  checkpoint.abandon();
  tails.drop(topic);
  for (const [handle, queue] of handles) if (queue.topic === topic) handles.delete(handle);
  queues.removeTopic(topic);
}
