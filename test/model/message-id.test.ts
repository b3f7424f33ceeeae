import { test } from 'tap';
import { formatMessageId, parseMessageId, UniqueKeyWriter } from '../../model/message-id.ts';

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
