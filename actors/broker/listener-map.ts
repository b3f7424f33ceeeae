/**
 * Listener map: at which address the askers of each network reach a broker (`advertisedListeners`). Text of the form
 * `10.0.0.0/8=10.1.2.3:10911;fd00::/8=[fd00::3]:10911`; the most specific network that an asker is in decides. Pure. Fails by a
 * sentence that names the entry, what is wrong with it and what would be right.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** One network: its address in bytes (4 or 16), the bits that count, and where askers from there are sent. */
export type Listener = { readonly network: Uint8Array; readonly bits: number; readonly address: string };

export const LISTENERS_MAX = 32;
export const LISTENERS_CHARACTERS_MAX = 4096;
const HOST = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?)$/;

/** The listeners, most specific first; a string: what is wrong with the text. */
export function parseListeners(text: string): readonly Listener[] | string {
  if (text.length > LISTENERS_CHARACTERS_MAX) return `${text.length} characters, at most ${LISTENERS_CHARACTERS_MAX} are taken`;
  const listeners: Listener[] = [];
  const seen = new Set<string>();
  const entries = text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length > LISTENERS_MAX) return `${entries.length} networks, at most ${LISTENERS_MAX} are taken`;
  for (const entry of entries) {
    const listener = parseListener(entry);
    if (typeof listener === 'string') return `${JSON.stringify(entry.slice(0, 100))}: ${listener}`;
    const key = `${listener.network.join('.')}/${listener.bits}`;
    if (seen.has(key)) return `${JSON.stringify(entry.slice(0, 100))}: the network is there already; name each once`;
    seen.add(key);
    listeners.push(listener);
  }
  return listeners.sort((left, right) => right.bits - left.bits);
}

/**
 * Where an asker reaches the broker: decided by its own address or, when that is in no network, by the address of this machine that
 * it reached, for who got here by a network may go on in it. Undefined: by none of them.
 */
export function listenerFor(listeners: readonly Listener[], remoteAddress: string, localAddress: string): string | undefined {
  return find(listeners, remoteAddress) ?? find(listeners, localAddress);
}

function find(listeners: readonly Listener[], text: string): string | undefined {
  const address = addressBytes(text.split('%')[0]!);
  return address === undefined ? undefined : listeners.find((listener) => contains(listener, address))?.address;
}

function contains({ network, bits }: Listener, address: Uint8Array): boolean {
  if (network.length !== address.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (network[i] !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || network[whole]! >> (8 - rest) === address[whole]! >> (8 - rest);
}

function parseListener(entry: string): Listener | string {
  const [, networkText, hostAndPort] = /^([^=]*)=([^=]*)$/.exec(entry) ?? [];
  if (networkText === undefined || hostAndPort === undefined) return 'write network=host:port, such as 10.0.0.0/8=10.1.2.3:10911';
  const slash = networkText.indexOf('/');
  const baseText = (slash < 0 ? networkText : networkText.slice(0, slash)).trim();
  const network = addressBytes(baseText.replace(/^\[(.*)\]$/, '$1'));
  if (network === undefined) return `${JSON.stringify(baseText)} is no IPv4 or IPv6 address`;
  const bitsMax = network.length * 8;
  const bitsText = slash < 0 ? String(bitsMax) : networkText.slice(slash + 1).trim();
  const bits = /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : -1;
  if (bits < 0 || bits > bitsMax) return `the prefix ${JSON.stringify(bitsText)} is no number from 0 to ${bitsMax}`;
  for (let bit = bits; bit < bitsMax; bit++) {
    if ((network[bit >> 3]! & (0x80 >> (bit & 7))) !== 0)
      return `${baseText} has bits behind its prefix of ${bits}; write the network's own address`;
  }
  const address = hostAndPort.trim();
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, colon));
  const port = address.slice(colon + 1);
  if (!HOST.test(host)) return `${JSON.stringify(address)} is no host:port (an IPv6 address in square brackets)`;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    return `the port ${JSON.stringify(port)} is none from 1 to 65535`;
  return { network, bits, address };
}

/** 4 or 16 bytes; IPv4 within IPv6 is IPv4. Undefined when it is no address. */
function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text)) return undefined;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [a, b, c, d] = dotted === null ? [] : dotted[2]!.split('.').map(Number);
  const plain = dotted === null ? text : `${dotted[1]}${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right].map((group) => Number.parseInt(group, 16));
  const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.slice(12) : bytes;
}
