import { test } from 'tap';
import { encodeMessageRecord, type MessageRecordFields } from '../../../model/message-record.ts';
import { CommitLog } from '../../../storage/commit-log/commit-log.ts';
import { type Damage, type Recovered, type RecoverOptions, recoverCommitLog } from '../../../storage/commit-log/recover.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';

const SEGMENT = 16 * 1024;

type Told = { position: number; size: number; topic: string; queueId: number; queueOffset: number; key: string; tag: string };

class Written {
  readonly disk = new MemoryDisk({ seed: 1 });
  readonly log = CommitLog.open(this.disk, '/log', SEGMENT);
  readonly told: Told[] = [];

  add(fields: Partial<MessageRecordFields> & { bodyBytes?: number; key?: string; tag?: string } = {}): Told {
    const queueOffset = this.told.length;
    const key = fields.key ?? `k${queueOffset}`;
    const tag = fields.tag ?? 'TagA';
    const body = Buffer.alloc(fields.bodyBytes ?? 50, 97 + (queueOffset % 26));
    const properties = `WAIT\x01true\x02KEYS\x01${key}\x02TAGS\x01${tag}\x02UNIQ_KEY\x01u${queueOffset}\x02DELAY\x013`;
    const base = { topic: 'TopicA', queueId: 2, queueOffset, storeTimestamp: 1000 + queueOffset, body, properties, ...fields };
    let position = this.log.maxOffset;
    let bytes = encodeMessageRecord({ ...base, physicalOffset: position });
    if (bytes.length + 8 > this.log.roomAt(position)) {
      position = this.log.writeBlank(position);
      bytes = encodeMessageRecord({ ...base, physicalOffset: position });
    }
    this.log.write(bytes, 0, bytes.length, position);
    const told = { position, size: bytes.length, topic: base.topic, queueId: base.queueId, queueOffset, key, tag };
    this.told.push(told);
    return told;
  }

  recover(options: Partial<RecoverOptions> = {}): { told: Told[]; damages: Damage[]; result: Recovered } {
    const told: Told[] = [];
    const damages: Damage[] = [];
    const text = (bytes: Uint8Array, at: number, length: number): string => Buffer.from(bytes.subarray(at, at + length)).toString();
    const result = recoverCommitLog(this.log.openReader(), {
      from: 0,
      readBytes: 4096,
      onDamage: (damage) => damages.push(damage),
      onRecord: (record) => {
        const { position, size, queueId, queueOffset, bytes } = record;
        const key = text(bytes, record.keysAt, record.keysLength);
        const tag = text(bytes, record.tagsAt, record.tagsLength);
        told.push({ position, size, topic: record.topic(), queueId, queueOffset, key, tag });
      },
      ...options,
    });
    return { told, damages, result };
  }
}

test('recoverCommitLog tells every record over several segments and ends at the last', async (t) => {
  const written = new Written();
  for (let index = 0; index < 300; index++) written.add({ bodyBytes: (index * 37) % 900 });
  t.ok(written.log.segmentCount > 5);
  const { told, damages, result } = written.recover();
  t.same(told, written.told);
  t.same(damages, []);
  t.match(result, { end: written.log.maxOffset, records: 300, damaged: 0, lastStoreTimestamp: 1299 });
  const tail = written.recover({ from: written.told[250]?.position ?? 0 });
  t.same(tail.told, written.told.slice(250), 'from any record on');
});

test('recoverCommitLog reads keys, tags, delay and hosts of both kinds', async (t) => {
  const written = new Written();
  const v6 = { address: new Uint8Array(16).fill(1), port: 10911 };
  written.add({ bornHost: v6, storeHost: v6, key: 'a b', tag: 'TagB' });
  written.add({ bornHost: v6, topic: 'T'.repeat(200), bodyBytes: 0 });
  const seen: unknown[] = [];
  recoverCommitLog(written.log, {
    from: 0,
    onDamage: () => t.fail('nothing is damaged'),
    onRecord: (record) =>
      seen.push([
        record.tagHash,
        record.delayLevel,
        record.uniqueKeyLength,
        record.topicLength,
        record.storeTimestamp,
        record.hasQueueUnit,
      ]),
  });
  t.same(seen, [
    [2598920, 3, 2, 6, 1000, true],
    [2598919, 3, 2, 200, 1001, true],
  ]);
});

test('recoverCommitLog reads records larger than its buffer', async (t) => {
  const written = new Written();
  for (const bodyBytes of [10, 9000, 10, 12_000, 3]) written.add({ bodyBytes });
  t.same(written.recover({ readBytes: 4096 }).told, written.told);
});

test('recoverCommitLog takes nothing whose physical offset is not its position', async (t) => {
  const written = new Written();
  written.add();
  const end = written.log.maxOffset;
  // A copy of the first record right behind it: sound in itself, at the wrong place.
  const copy = new Uint8Array(written.told[0]?.size ?? 0);
  written.log.read(copy, 0, copy.length, 0);
  written.log.write(copy, 0, copy.length, end);
  const { told, result } = written.recover();
  t.equal(told.length, 1);
  t.match(result, { end, endReason: 'its physical offset is not its position' });
});

test('recoverCommitLog cuts a torn tail at every byte', async (t) => {
  const written = new Written();
  for (let index = 0; index < 3; index++) written.add();
  const last = written.told[2] as Told;
  const bytes = new Uint8Array(last.size);
  written.log.read(bytes, 0, bytes.length, last.position);
  for (let kept = 0; kept < last.size; kept++) {
    written.log.cutBack(last.position);
    written.log.write(bytes, 0, kept, last.position);
    const { told, result, damages } = written.recover();
    if (told.length !== 2 || result.end !== last.position || damages.length > 0)
      t.fail(`${kept} of ${last.size} bytes: ${told.length} records, end ${result.end}`);
  }
  t.pass('every length');
});

test('recoverCommitLog finds one flipped bit anywhere, loses that record alone, and says which', async (t) => {
  const written = new Written();
  for (let index = 0; index < 9; index++) written.add({ bodyBytes: 30 + index });
  const victim = written.told[4] as Told;
  const path = written.log.pathOf(victim.position);
  let found = 0;
  let named = 0;
  for (let bit = 0; bit < victim.size * 8; bit++) {
    written.disk.flipBit(path, victim.position + (bit >> 3), bit & 7);
    const { told, damages, result } = written.recover();
    const others = told.filter((one) => one.position !== victim.position);
    if (others.length !== 8 || result.end !== written.log.maxOffset) t.fail(`bit ${bit}: ${others.length} others, end ${result.end}`);
    if (damages.length === 1) {
      found++;
      const damage = damages[0] as Damage;
      if (damage.position !== victim.position || damage.end !== victim.position + victim.size)
        t.fail(`bit ${bit}: damage at ${damage.position}`);
      if (damage.record !== null) {
        named++;
        t.same(damage.record, { topic: 'TopicA', queueId: 2, queueOffset: 4, size: victim.size, hasQueueUnit: true });
      }
    }
    written.disk.flipBit(path, victim.position + (bit >> 3), bit & 7);
  }
  // The body is covered by its CRC, the frame by magic, size, position and lengths; other header fields and properties by nothing.
  t.ok(named >= 34 * 8, `${named} in the body`);
  t.ok(found > named, `${found} in all`);
});

test('recoverCommitLog steps over damage of many bytes, over a damaged blank record, and over a segment head', async (t) => {
  for (const [place, length] of [
    [700, 2000],
    ['blank', 8],
    [SEGMENT - 300, 600],
    [SEGMENT, 10],
  ] as const) {
    const written = new Written();
    for (let index = 0; index < 100; index++) written.add({ bodyBytes: 100 + index });
    const lastOfFirst = written.told.findLast((one) => one.position < SEGMENT) as Told;
    const from = place === 'blank' ? lastOfFirst.position + lastOfFirst.size : place;
    for (let byte = from; byte < from + length; byte++) written.disk.flipBit(written.log.pathOf(byte), byte % SEGMENT, byte % 8);
    const { told, damages, result } = written.recover();
    const sound = written.told.filter((one) => one.position + one.size <= from || one.position >= from + length);
    // A record whose properties alone were hit passes: nothing but its own optional CRC covers them.
    t.same(
      told.filter((one) => sound.some((other) => other.position === one.position)),
      sound,
      `from ${from}`,
    );
    t.ok(told.length - sound.length <= 1, `${told.length - sound.length} more`);
    t.ok(damages.length >= 1);
    t.equal(result.end, written.log.maxOffset);
  }
});

test('recoverCommitLog looks only so far behind a bad record', async (t) => {
  const written = new Written();
  for (let index = 0; index < 20; index++) written.add({ bodyBytes: 500 });
  const second = written.told[1] as Told;
  for (let byte = 0; byte < 3000; byte++) written.disk.flipBit(written.log.pathOf(0), second.position + byte, 1);
  t.equal(written.recover({ searchBytesMax: 1000 }).result.end, second.position);
  t.ok(written.recover({ searchBytesMax: 4000 }).result.end > second.position);
});

test('recoverCommitLog takes no message for a record that a body contains', async (t) => {
  const written = new Written();
  written.add();
  // A body that is a whole record with the physical offset that it would need, behind a header that is then damaged.
  const at = written.log.maxOffset;
  const inner = encodeMessageRecord({ topic: 'Evil', physicalOffset: at + 88 + 1, body: Buffer.from('x') });
  const body = Buffer.concat([Buffer.from([0]), inner, Buffer.from([0])]);
  const outer = encodeMessageRecord({ topic: 'TopicA', physicalOffset: at, queueOffset: 1, body });
  written.log.write(outer, 0, outer.length, at);
  t.same(
    written.recover().told.map((one) => one.topic),
    ['TopicA', 'TopicA'],
    'while the outer record is sound',
  );
});

test('recoverCommitLog ends an empty log at its beginning', async (t) => {
  const written = new Written();
  t.match(written.recover().result, { end: 0, records: 0 });
  written.log.prepareNext(0);
  t.match(written.recover().result, { end: 0, records: 0 });
});
