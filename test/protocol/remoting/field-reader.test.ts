import { test } from 'tap';
import { FieldError } from '../../../protocol/remoting/errors.ts';
import { exactBoolean, exactInt, exactLong, exactTime } from '../../../protocol/remoting/field-reader.ts';

test('The exact parsers take what Java’s take, and refuse or saturate as documented', async (t) => {
  t.same(
    ['0', '+7', '-7', '-0', '007', '2147483647', '-2147483648'].map((text) => exactInt('f', text)),
    [0, 7, -7, 0, 7, 2 ** 31 - 1, -(2 ** 31)],
  );
  for (const bad of ['', ' 1', '1 ', '1.0', '1e3', '0x1', '--1', '２', '2147483648', 'NaN', '9'.repeat(40)])
    t.throws(() => exactInt('f', bad), FieldError, bad);
  t.equal(exactLong('f', '9007199254740991'), Number.MAX_SAFE_INTEGER);
  for (const bad of ['9007199254740992', '9223372036854775807', 'x', '']) t.throws(() => exactLong('f', bad), FieldError, bad);
  t.equal(exactTime('f', '9223372036854775807'), Number.MAX_SAFE_INTEGER);
  t.equal(exactTime('f', '-9223372036854775808'), -Number.MAX_SAFE_INTEGER);
  t.equal(exactTime('f', '+5'), 5);
  for (const bad of ['9223372036854775808', '-9223372036854775809', 'x', '']) t.throws(() => exactTime('f', bad), FieldError, bad);
  t.same(['true', 'TRUE', 'false', 'x', ''].map(exactBoolean), [true, true, false, false, false]);
  t.throws(() => exactInt('queueId', 'y'.repeat(100)), {
    message: `The header field queueId is "${'y'.repeat(40)}..."; a 32-bit integer is needed`,
  });
});
