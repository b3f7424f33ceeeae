import { test } from 'tap';
import { parsePropertiesText } from '../../../actors/broker/properties-text.ts';
import {
  propertyLine,
  readSettingsFile,
  savedSettings,
  settingsFilePath,
  settingsFileText,
} from '../../../actors/settings/settings-file.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';

function diskWith(text: string): MemoryDisk {
  const disk = new MemoryDisk({ seed: 1 });
  const path = settingsFilePath('/store');
  disk.makeDirectory('/store/config');
  const bytes = Buffer.from(text);
  const file = disk.open(path, 'create');
  file.write(bytes, 0, bytes.length, 0);
  file.close();
  return disk;
}

test('settingsFileText writes what savedSettings reads, comments apart', async (t) => {
  const settings = new Map([
    ['regionId', 'a\\b'],
    ['deleteWhen', '04;16'],
  ]);
  const { entries, warnings } = savedSettings(diskWith(settingsFileText(settings)), '/store');
  t.same(
    entries.map(({ key, value }) => [key, value]),
    [...settings].sort(),
  );
  t.match(entries[0]?.source, /ringmq\.properties line 3$/);
  t.same(warnings, []);
});

test('propertyLine cannot be made to hold a second setting', async (t) => {
  for (const value of ['x\ny=1', 'x\r\ny=1', 'x\\', ' x', 'x\\\ny=2', '\tx\f']) {
    const lines = parsePropertiesText(`${propertyLine('k', value)}last=1\n`, 'text');
    t.same(
      lines.map(({ key, value: read }) => [key, read]),
      [
        ['k', value.trimEnd()],
        ['last', '1'],
      ],
    );
  }
});

test('savedSettings passes over lines that only a hand can have written, and names them', async (t) => {
  const { entries, warnings } = savedSettings(diskWith('storePathRootDir=/elsewhere\nnothing=1\nfileReservedTime=7\n'), '/store');
  t.same(
    entries.map(({ key }) => key),
    ['fileReservedTime'],
  );
  t.equal(warnings.length, 2);
  t.match(warnings[0], /storePathRootDir .*line 1\) is not taken/);
});

test('readSettingsFile finds nothing where there is no file', async (t) => {
  t.same(readSettingsFile(new MemoryDisk({ seed: 1 }), '/store').entries, []);
});
