import { constants } from 'node:os';
import { test } from 'tap';
import { type DiskErrorDecision, decideDiskError, decideThrown } from '../../storage/disk-error-policy.ts';
import { DISK_CALLS, type DiskCall, DiskError, errnoOf, STORAGE_ERROR_CODES, StorageError } from '../../storage/errors.ts';

/** One line a row of the table: call, errno, what follows. */
const ROWS: [DiskCall, string, DiskErrorDecision][] = [
  ['write', 'EINTR', 'retry-rest'],
  ['write', 'EAGAIN', 'retry-rest'],
  ['write', 'ENOSPC', 'cut-back'],
  ['write', 'EDQUOT', 'cut-back'],
  ['write', 'EFBIG', 'cut-back'],
  ['write', 'EIO', 'fence'],
  ['write', 'EROFS', 'fence'],
  ['write', 'EBADF', 'fence'],
  ['write', 'EUNKNOWN', 'fence'],
  ['read', 'EINTR', 'retry-rest'],
  ['read', 'EAGAIN', 'retry-rest'],
  ['read', 'EIO', 'fence'],
  ['read', 'ENOSPC', 'fence'],
  ['sync', 'EINTR', 'fence'],
  ['sync', 'EIO', 'fence'],
  ['sync', 'ENOSPC', 'fence'],
  ['sync', 'EDQUOT', 'fence'],
  ['truncate', 'EIO', 'fence'],
  ['truncate', 'ENOSPC', 'fence'],
  ['truncate', 'EFBIG', 'fence'],
  ['rename', 'EIO', 'fence'],
  ['rename', 'ENOSPC', 'fence'],
  ['remove', 'EIO', 'fence'],
  ['open', 'EMFILE', 'fence'],
  ['open', 'EIO', 'fence'],
  ['open', 'ENOSPC', 'refuse'],
  ['open', 'EDQUOT', 'refuse'],
  ['sync-directory', 'EIO', 'fence'],
  ['make-directory', 'ENOSPC', 'refuse'],
  ['make-directory', 'EIO', 'fence'],
  ['close', 'EIO', 'fence'],
  ['stat', 'EIO', 'fence'],
  ['list', 'EIO', 'fence'],
  ['free-bytes', 'EIO', 'fence'],
  ['lock', 'EIO', 'fence'],
  ['lock', 'ENOSPC', 'refuse'],
];

for (const [call, errno, decision] of ROWS) {
  test(`decideDiskError says ${decision} for ${errno} from ${call}`, async (t) => {
    t.equal(decideDiskError(call, errno), decision);
    const thrown = decision === 'retry-rest' ? 'fence' : decision;
    t.equal(decideThrown(new DiskError(call, errno, '/store/x')), thrown, 'what is thrown was tried again often enough');
  });
}

test('decideDiskError knows every call, and fences for what nobody has thought of', async (t) => {
  const named = new Set(ROWS.map(([call]) => call));
  t.same(
    DISK_CALLS.filter((call) => !named.has(call)),
    [],
    'each has a row above',
  );
  for (const call of DISK_CALLS)
    for (const errno of ['EIO', 'EROFS', 'ENODEV', 'ESTALE', 'EUNKNOWN']) t.equal(decideDiskError(call, errno), 'fence');
});

test('decideThrown fences for what is no fault of a disk', async (t) => {
  t.equal(decideThrown(new Error('bug')), 'fence');
  t.equal(decideThrown(undefined), 'fence');
  t.equal(decideThrown(new StorageError('MQ_STORAGE_WRONG_SIZE', 'x')), 'fence');
});

test('DiskError says call, path, errno and values, and tells a full disk from a broken one', async (t) => {
  const full = new DiskError('write', 'ENOSPC', '/store/commitlog/0', { position: 12, length: 512, done: 3 });
  t.equal(full.code, 'MQ_STORAGE_DISK_FULL');
  t.equal(full.done, 3);
  t.equal(full.message, 'Cannot write /store/commitlog/0: ENOSPC (position 12, length 512, done 3)');
  t.equal(new DiskError('sync', 'ENOSPC', '/x').code, 'MQ_STORAGE_DISK', 'a failed sync is no full disk, whatever it says');
  t.ok(STORAGE_ERROR_CODES.includes(full.code));
});

test('errnoOf names what Node has no name for', async (t) => {
  t.equal(errnoOf(Object.assign(new Error('unknown error'), { code: 'UNKNOWN', errno: -constants.errno.EDQUOT })), 'EDQUOT');
  t.equal(errnoOf(Object.assign(new Error('x'), { code: 'UNKNOWN', errno: -99_999 })), 'EUNKNOWN');
  t.equal(errnoOf(Object.assign(new Error('x'), { code: 'ENOSPC', errno: -28 })), 'ENOSPC');
  t.equal(errnoOf('no error'), 'EUNKNOWN');
});
