import { NodeDisk } from '../../storage/node-disk.ts';
import { testDiskContract } from '../support/file-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

testDiskContract('NodeDisk', () => {
  const { path, remove } = temporaryDirectory();
  return { disk: new NodeDisk(), directory: path, dispose: remove };
});
