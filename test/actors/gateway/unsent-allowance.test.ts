import { test } from 'tap';
import { OUTPUT_BYTES_MAX, UNSENT_BYTES_MAX, UNSENT_SCARCE_BYTES_MAX, unsentAllowance } from '../../../actors/gateway/unsent-allowance.ts';

test('unsentAllowance leaves each connection its own limit until all together hold too much', async (t) => {
  t.equal(unsentAllowance(0), UNSENT_BYTES_MAX);
  t.equal(unsentAllowance(OUTPUT_BYTES_MAX - 1), UNSENT_BYTES_MAX);
  t.equal(unsentAllowance(OUTPUT_BYTES_MAX), UNSENT_SCARCE_BYTES_MAX, 'then each is left a little');
});
