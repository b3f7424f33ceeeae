import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'tap';
import { bodyCrc32, shortCrc32 } from '../../model/crc32.ts';
import { groupNameFault, isSystemGroup } from '../../model/group.ts';
import { javaHash, javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import { formatMessageId, parseMessageId, UniqueKeyWriter } from '../../model/message-id.ts';
import { formatProperties, parseProperties, splitKeys } from '../../model/message-property.ts';
import { isPermissionValid, isReadable, isWriteable } from '../../model/permission.ts';
import { parseTags, tagCodes, tagSubscription } from '../../model/subscription.ts';
import { compressionType } from '../../model/system-flag.ts';
import { tagHash } from '../../model/tag-hash.ts';
import { dlqTopic, groupOfDerivedTopic, isSystemTopic, retryTopic, topicNameFault } from '../../model/topic.ts';

test('javaHash and javaHashBytes give Java’s numbers', async (t) => {
  const vectors: [string, number][] = [
    ['TagA', 2_598_919],
    ['TagB', 2_598_920],
    ['中文', 646_394],
    ['order-created', -392_709_271],
    ['', 0],
  ];
  for (const [text, hash] of vectors) {
    const bytes = Buffer.from(`<${text}>`);
    t.equal(javaHash(text), hash, text);
    t.equal(tagHash(bytes, 1, bytes.length - 1), hash, text);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (topic, key) => {
      const [topicBytes, keyBytes] = [Buffer.from(topic), Buffer.from(key)];
      const seed = keyHashSeed(javaHashBytes(topicBytes, 0, topicBytes.length));
      return javaHashBytes(keyBytes, 0, keyBytes.length, seed) === javaHash(`${topic}#${key}`);
    }),
    { seed: 4, numRuns: 500 },
  );
});

test('bodyCrc32 is zlib’s sum of any body with its top bit cleared', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(20), (bytes, skip) => {
      const start = Math.min(skip, bytes.length);
      const sum = crc32(bytes.subarray(start));
      return bodyCrc32(bytes, start, bytes.length) === (sum & 0x7fffffff) && shortCrc32(bytes, start, bytes.length) === (sum | 0);
    }),
    { seed: 6, numRuns: 1000 },
  );
  t.equal(bodyCrc32(Buffer.from('hello'), 0, 5), 907_060_870);
});

test('parseProperties takes what Java’s parser takes', async (t) => {
  const table: [string, [string, string][]][] = [
    ['', []],
    [
      'KEYS\u0001k1 k2\u0002TAGS\u0001A\u0002',
      [
        ['KEYS', 'k1 k2'],
        ['TAGS', 'A'],
      ],
    ],
    ['a\u0001b', [['a', 'b']]],
    ['\u0001b\u0002a\u0001\u0002x\u0002\u0002c\u0001d\u0001e\u0002', [['c', 'd\u0001e']]],
    ['a\u0001b\u0002a\u0001c\u0002', [['a', 'c']]],
  ];
  for (const [text, expected] of table) t.same([...parseProperties(text)], expected, JSON.stringify(text));
  t.equal(
    formatProperties([
      ['a', 'b'],
      ['c', 'd'],
    ]),
    'a\u0001b\u0002c\u0001d\u0002',
  );
  t.same(splitKeys(' k1  k2 '), ['k1', 'k2']);
});

test('topicNameFault and groupNameFault name the rule that is broken', async (t) => {
  for (const topic of ['T', '%RETRY%g', 'a|b', 'ns%topic', 'x'.repeat(127), retryTopic('g'.repeat(248))])
    t.equal(topicNameFault(topic), null, topic);
  t.match(topicNameFault(' '), /blank/);
  t.match(topicNameFault('a b'), /illegal characters/);
  t.match(topicNameFault('中'), /illegal characters/);
  t.match(topicNameFault('x'.repeat(128)), /max length 127: 128/);
  t.match(topicNameFault(retryTopic('g'.repeat(249))), /max length 255: 256/);
  t.equal(groupNameFault('g'.repeat(255)), null);
  t.match(groupNameFault('g'.repeat(121), 120), /max length 120: 121/);
  t.match(groupNameFault(''), /blank/);
  t.match(groupNameFault('a/b'), /illegal characters/);
  t.ok(isSystemTopic('rmq_sys_x'));
  t.notOk(isSystemTopic('T'));
  t.ok(isSystemGroup('CID_RMQ_SYS_TRANS'));
  t.notOk(isSystemGroup('G'));
  t.equal(groupOfDerivedTopic('%RETRY%g'), 'g');
  t.equal(groupOfDerivedTopic(dlqTopic('g')), 'g');
  t.equal(groupOfDerivedTopic('g'), null);
});

test('parseMessageId reads what formatMessageId writes, and nothing else', async (t) => {
  const host = { address: Uint8Array.of(10, 0, 0, 8), port: 10_911 };
  t.equal(formatMessageId(host, 1_234_567_890_123), '0A00000800002A9F0000011F71FB04CB');
  t.same(parseMessageId('0A00000800002A9F0000011F71FB04CB'), { host, physicalOffset: 1_234_567_890_123 });
  const v6 = { address: new Uint8Array(16).fill(7), port: 1 };
  t.same(parseMessageId(formatMessageId(v6, 5)), { host: v6, physicalOffset: 5 });
  for (const bad of ['', '0A', 'Z'.repeat(32), '0A00000800002A9FFFFFFFFFFFFFFFFF', '0A00000800002A9F7FFFFFFFFFFFFFFF'])
    t.throws(() => parseMessageId(bad), { name: 'MessageTextError' }, bad);
});

test('UniqueKeyWriter writes 32 characters that differ', async (t) => {
  const writer = new UniqueKeyWriter(Uint8Array.of(127, 0, 0, 1), 0x12345, 7);
  const target = Buffer.alloc(64);
  t.equal(writer.write(1_700_000_000_000, target, 1), 33);
  t.equal(target.toString('latin1', 1, 33), '7F000001234500000007CFE568000000');
  writer.write(1_700_000_000_000, target, 1);
  t.equal(target.toString('latin1', 1, 33), '7F000001234500000007CFE568000001');
});

test('tagSubscription turns an expression into tags and codes', async (t) => {
  t.match(tagSubscription('T', 'TagA || TagB||TagA', 9), {
    tagsSet: ['TagA', 'TagB'],
    codeSet: [2_598_919, 2_598_920],
    subVersion: 9,
    expressionType: 'TAG',
  });
  for (const all of ['*', '', ' ']) t.same(tagCodes(tagSubscription('T', all, 0)), null, JSON.stringify(all));
  t.same([...(tagCodes(tagSubscription('T', 'TagA', 0)) as Int32Array)], [2_598_919]);
  t.throws(() => parseTags('||'), { name: 'MessageTextError' });
  t.throws(() => parseTags(Array.from({ length: 1025 }, (_, index) => index).join('||')), /1025 tags; 1024 are allowed/);
  t.throws(() => parseTags('x'.repeat(65_537)), /65536 are allowed/);
});

test('compressionType and the permissions read their bits', async (t) => {
  t.same([0, 1, 0x301, 0x101, 0x201, 0x701].map(compressionType), ['none', 'zlib', 'zlib', 'lz4', 'zstd', 'unknown']);
  t.same([isReadable(6), isReadable(2), isWriteable(6), isWriteable(4)], [true, false, true, false]);
  t.same([isPermissionValid(15), isPermissionValid(16), isPermissionValid(-1)], [true, false, false]);
});
