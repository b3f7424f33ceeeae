/**
 * The bits of a message's `sysFlag` and of a pull's: two different sets in fields of one name.
 * Source: RocketMQ `MessageSysFlag`, `PullSysFlag`.
 */

export const COMPRESSED_FLAG = 0x1;
export const MULTI_TAGS_FLAG = 0x2;
export const TRANSACTION_NONE = 0;
export const TRANSACTION_PREPARED = 0x4;
export const TRANSACTION_COMMIT = 0x8;
export const TRANSACTION_ROLLBACK = 0xc;
export const TRANSACTION_MASK = 0xc;
export const BORN_HOST_V6_FLAG = 0x10;
export const STORE_HOST_V6_FLAG = 0x20;
export const NEED_UNWRAP_FLAG = 0x40;
export const INNER_BATCH_FLAG = 0x80;
/** 0 and 3 mean ZLIB (4.x clients write 0), 1 LZ4, 2 ZSTD. */
export const COMPRESSION_TYPE_SHIFT = 8;
export const COMPRESSION_TYPE_MASK = 0x700;

export const PULL_COMMIT_OFFSET_FLAG = 0x1;
export const PULL_SUSPEND_FLAG = 0x2;
export const PULL_SUBSCRIPTION_FLAG = 0x4;
export const PULL_CLASS_FILTER_FLAG = 0x8;
export const PULL_LITE_FLAG = 0x10;

export type CompressionType = 'none' | 'zlib' | 'lz4' | 'zstd' | 'unknown';

/** How a message's body is compressed. */
export function compressionType(sysFlag: number): CompressionType {
  if ((sysFlag & COMPRESSED_FLAG) === 0) return 'none';
  const type = (sysFlag & COMPRESSION_TYPE_MASK) >> COMPRESSION_TYPE_SHIFT;
  if (type === 0 || type === 3) return 'zlib';
  if (type === 1) return 'lz4';
  return type === 2 ? 'zstd' : 'unknown';
}

/** The transaction bits of a message's flag: one of the TRANSACTION_ constants. */
export function transactionType(sysFlag: number): number {
  return sysFlag & TRANSACTION_MASK;
}
