/**
 * What the store says of itself: where the log begins and since when, and how full its disk is. Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getEarliestMessageTime`, `getRuntimeInfo`.
 */
import { firstStoreTimestamp } from '../../storage/open-store.ts';
import type { StoreFiles } from './open-store.ts';
import type { StoreFacts } from './store-messages.ts';

export function storeFacts({ disk, layout, log }: StoreFiles): StoreFacts {
  const { total, free } = disk.freeBytes(layout.root);
  const logMin = log.minOffset;
  return { kind: 'store-facts', logMin, earliestMs: firstStoreTimestamp(log, logMin) ?? -1, diskTotal: total, diskFree: free };
}
