import { test } from 'tap';
import { isInherited, isPermissionValid, isReadable, isWriteable } from '../../model/permission.ts';

test('isReadable, isWriteable and isInherited read their bits, isPermissionValid knows no others', async (t) => {
  t.same([isReadable(6), isReadable(2), isWriteable(6), isWriteable(4)], [true, false, true, false]);
  t.same([isInherited(7), isInherited(6)], [true, false]);
  t.same([isPermissionValid(15), isPermissionValid(16), isPermissionValid(-1)], [true, false, false]);
});
