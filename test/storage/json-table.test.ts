import { test } from 'tap';
import { loadTable, parseLenient, readWhole, replaceFile, saveTable } from '../../storage/json-table.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { thrown } from '../support/thrown.ts';

const PATH = '/store/config/topics.json';

function put(disk: MemoryDisk, path: string, text: string): void {
  disk.makeDirectory('/store/config');
  const file = disk.open(path, 'create');
  file.truncate(0);
  file.write(Buffer.from(text), 0, Buffer.byteLength(text), 0);
  file.close();
}

test('parseLenient reads what fastjson writes', async (t) => {
  t.same(parseLenient('{"a":{0:5,1:7},"b":[{-3 : 1}]}'), { a: { 0: 5, 1: 7 }, b: [{ '-3': 1 }] });
  t.same(parseLenient('{"t@g{0:1}":"x,{1:2}", 5:"\\"{7:8}"}'), { 't@g{0:1}': 'x,{1:2}', 5: '"{7:8}' }, 'strings are left alone');
  t.same(parseLenient('{"a":1}'), { a: 1 });
  for (const text of ['', '{', '{a:1}', '{"a":{0:}', 'nul']) t.throws(() => parseLenient(text), SyntaxError, text);
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
  t.ok(Object.hasOwn(parseLenient('{"__proto__":{"polluted":1},0:1}') as object, '__proto__'), 'a name like any other');
});

test('saveTable keeps the former table, and loadTable falls back to it', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  t.same(loadTable(disk, PATH), { value: null, source: 'none', problems: [] });
  saveTable(disk, PATH, { version: 1 });
  saveTable(disk, PATH, { version: 2 });
  t.same(loadTable(disk, PATH), { value: { version: 2 }, source: 'file', problems: [] });
  t.same(disk.list('/store/config'), ['topics.json', 'topics.json.bak']);
  put(disk, PATH, '{"version":');
  const { value, source, problems } = loadTable(disk, PATH);
  t.same([value, source], [{ version: 1 }, 'backup']);
  t.match(problems[0] as string, /topics\.json is no JSON/);
  put(disk, PATH, ' ');
  t.match(loadTable(disk, PATH), { source: 'backup', problems: ['/store/config/topics.json is empty'] });
  put(disk, `${PATH}.bak`, '?');
  t.match(loadTable(disk, PATH), { value: null, source: 'none' });
});

test('saveTable leaves the former or the new table, wherever it is cut off', async (t) => {
  let cuts = 0;
  for (let seed = 0; seed < 100; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory('/store/config');
    for (const directory of ['/', '/store']) disk.syncDirectory(directory);
    saveTable(disk, PATH, { version: 1, filler: 'x'.repeat(20_000) });
    const calls = ['open', 'truncate', 'write', 'sync', 'rename', 'sync-directory'] as const;
    disk.fail({ call: calls[seed % 6] ?? 'open', errno: 'EIO', after: seed % 12 > 5 && seed % 6 === 4 ? 1 : 0 });
    const error = thrown(() => saveTable(disk, PATH, { version: 2, filler: 'y'.repeat(30_000) }));
    if (seed % 2 === 0) disk.cutPower();
    if (/EIO/.test(String(error))) cuts++;
    const { value } = loadTable(disk, PATH);
    const { version, filler } = value as { version: number; filler: string };
    t.ok(version === 1 ? filler === 'x'.repeat(20_000) : version === 2 && filler === 'y'.repeat(30_000), `seed ${seed}: a whole table`);
  }
  t.ok(cuts > 80);
});

test('saveTable returns when the new table lasts a power cut', async (t) => {
  for (let seed = 0; seed < 40; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory('/store/config');
    for (const directory of ['/', '/store']) disk.syncDirectory(directory);
    for (const version of [1, 2, 3]) saveTable(disk, PATH, { version });
    disk.cutPower();
    t.same(loadTable(disk, PATH).value, { version: 3 });
  }
});

test('readWhole and replaceFile have a limit', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  replaceFile(disk, PATH, Buffer.from('hello'), false);
  t.equal(readWhole(disk, '/none', 10), null);
  t.equal(Buffer.from(readWhole(disk, PATH, 5) ?? []).toString(), 'hello');
  t.match(
    thrown(() => readWhole(disk, PATH, 4)),
    { code: 'MQ_STORAGE_TOO_LARGE', fields: { bytes: 5, limit: 4 } },
  );
});
