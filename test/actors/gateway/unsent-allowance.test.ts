import { test } from 'tap';
import {
  chooseHolders,
  closeFromBytes,
  crowdedFromBytes,
  UNSENT_SCARCE_BYTES_MAX,
  unsentAllowance,
} from '../../../actors/gateway/unsent-allowance.ts';

const MIB = 1024 * 1024;
const LIMITS = { connectionBytes: 8 * MIB, shardBytes: 100 * MIB };

test('unsentAllowance leaves each connection its own limit until all together hold too much', async (t) => {
  t.equal(unsentAllowance(0, LIMITS), LIMITS.connectionBytes);
  t.equal(unsentAllowance(LIMITS.shardBytes - 1, LIMITS), LIMITS.connectionBytes);
  t.equal(unsentAllowance(LIMITS.shardBytes, LIMITS), UNSENT_SCARCE_BYTES_MAX, 'then each is left a little');
  t.equal(unsentAllowance(LIMITS.shardBytes, { ...LIMITS, connectionBytes: 1000 }), 1000, 'never more than its own');
  const [full, close, crowded] = [LIMITS.shardBytes, closeFromBytes(LIMITS), crowdedFromBytes(LIMITS)];
  t.ok(full < close && close < crowded, 'somebody goes before anybody has to wait');
});

test('chooseHolders takes those that hold most, and no more of them than it needs', async (t) => {
  const holders = [3, 40, 1, 20, 0].map((mib) => ({ heldBytes: mib * MIB }));
  const chosen = (outputMib: number): number[] =>
    chooseHolders([...holders], outputMib * MIB, LIMITS).map(({ heldBytes }) => heldBytes / MIB);
  t.same(chosen(130), [40]);
  t.same(chosen(150), [40, 20]);
  t.same(chosen(100), [], 'at the limit nobody has to go');
  t.same(chosen(1000), [40, 20, 3, 1, 0], 'all of them, when that is not enough');
});
