import { test } from 'tap';
import { compressionType, TRANSACTION_COMMIT, TRANSACTION_ROLLBACK, transactionType } from '../../model/system-flag.ts';

test('compressionType and transactionType read their bits', async (t) => {
  t.same([0, 1, 0x301, 0x101, 0x201, 0x701].map(compressionType), ['none', 'zlib', 'zlib', 'lz4', 'zstd', 'unknown']);
  t.same([0x39, 0xd, 0x11].map(transactionType), [TRANSACTION_COMMIT, TRANSACTION_ROLLBACK, 0]);
});
