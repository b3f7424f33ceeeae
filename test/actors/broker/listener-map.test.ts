import { test } from 'tap';
import { parseBrokerConfig } from '../../../actors/broker/broker-config.ts';
import { type Listener, listenerFor, parseListeners } from '../../../actors/broker/listener-map.ts';

function parse(text: string): readonly Listener[] {
  const parsed = parseListeners(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

test('listenerFor takes the most specific network of the asker, then of the address that it reached', async (t) => {
  const map = parse(
    '10.0.0.0/8=10.9.9.9:1; 10.1.0.0/16=10.1.9.9:2;10.1.2.3=b3.example:3;192.168.128.0/17=192.168.200.1:4;fd00::/8=[fd00::3]:5;2001:db8:0:40::/58=[2001:db8::7]:6;::1/128=[::1]:7',
  );
  for (const [remote, local, address] of [
    ['10.200.0.1', '127.0.0.1', '10.9.9.9:1'],
    ['10.1.200.1', '127.0.0.1', '10.1.9.9:2'],
    ['10.1.2.3', '127.0.0.1', 'b3.example:3'],
    ['192.168.127.255', '127.0.0.1', undefined],
    ['192.168.128.0', '127.0.0.1', '192.168.200.1:4'],
    ['203.0.113.9', '10.1.0.7', '10.1.9.9:2'],
    ['10.200.0.1', '10.1.0.7', '10.9.9.9:1'],
    ['fdff::1', '::1', '[fd00::3]:5'],
    ['fdff::1%eth0', '::', '[fd00::3]:5'],
    ['2001:db8:0:7f::1', '::', '[2001:db8::7]:6'],
    ['2001:db8:0:80::1', '::', undefined],
    ['::1', '::1', '[::1]:7'],
    ['::ffff:10.200.0.1', '::', '10.9.9.9:1'],
    ['::ffff:0ac8:0001', '::', '10.9.9.9:1'],
    ['fe00::1', '203.0.113.1', undefined],
    ['', '', undefined],
  ] as const) {
    t.equal(listenerFor(map, remote, local), address, `${remote} at ${local}`);
  }
  t.equal(listenerFor(parse('0.0.0.0/0=a:1'), '198.51.100.7', ''), 'a:1');
  t.equal(listenerFor(parse('0.0.0.0/0=a:1'), '2001:db8::1', ''), undefined, 'IPv6 is another network than all of IPv4');
  t.equal(listenerFor(parse('::/0=a:1'), '2001:db8::1', ''), 'a:1');
  t.same(parse(''), []);
});

test('parseListeners says which entry is wrong, and how', async (t) => {
  for (const [text, fault] of [
    ['10.0.0.0/8', /^"10\.0\.0\.0\/8": write network=host:port/],
    ['10.0.0.0/33=a:1', /prefix "33" is no number from 0 to 32$/],
    ['fd00::/129=a:1', /from 0 to 128$/],
    ['10.0.0.0/=a:1', /prefix ""/],
    ['10.0.0.0/-1=a:1', /prefix "-1"/],
    ['10.1.0.0/8=a:1', /10\.1\.0\.0 has bits behind its prefix of 8/],
    ['300.0.0.0/8=a:1', /"300\.0\.0\.0" is no IPv4 or IPv6 address/],
    ['example.com=a:1', /"example\.com" is no IPv4/],
    ['10.0.0.0/8=a:0', /port "0"/],
    ['10.0.0.0/8=a:65536', /port "65536"/],
    ['10.0.0.0/8=a:1x', /port "1x"/],
    ['10.0.0.0/8=a', /no host:port/],
    ['10.0.0.0/8=fd00::1:10911', /in square brackets/],
    ['10.0.0.0/8=a b:1', /no host:port/],
    ['10.0.0.0/8=a:1=b:2', /write network=host:port/],
    ['10.0.0.0/8=a:1;10.0.0.0/8=b:1', /there already/],
    ['10.0.0.0/8=a\n:1', /no host:port/],
    [Array.from({ length: 33 }, (_, i) => `10.0.0.${i}=a:1`).join(';'), /^33 networks, at most 32/],
    ['x'.repeat(5000), /^5000 characters, at most 4096/],
  ] as const) {
    const parsed = parseListeners(text);
    t.type(parsed, 'string', text.slice(0, 40));
    t.match(parsed, fault);
    t.notMatch(String(parsed), /[\x00-\x1f]/);
  }
});

test('parseBrokerConfig refuses a bad listener map with the entry at fault', async (t) => {
  const machine = { cores: 1, hosts: [], currentDirectory: '/' };
  const start = (text: string) => parseBrokerConfig(`advertisedListeners=${text}`, {}, {}, { role: 'start', machine });
  t.equal(start('10.0.0.0/8=10.1.2.3:10911').config.advertisedListeners, '10.0.0.0/8=10.1.2.3:10911');
  t.throws(() => start('10.0.0.0/8=10.1.2.3:10911;10.0.0.0/99=a:1'), {
    code: 'MQ_CONFIG_VALUE',
    message: /advertisedListeners=.*must be up to 32 network=host:port.*\("10\.0\.0\.0\/99=a:1": the prefix "99"/,
  });
});
