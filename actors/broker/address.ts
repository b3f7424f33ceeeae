/** Addresses, `host:port`, as settings and routes have them, both ways. Pure. */

/** A host name or an IP address, with or without brackets. */
export const HOST = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[0-9a-fA-F:]*:[0-9a-fA-F:.]*|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?)$/;

/** `host:port`, `[v6]:port`; also the form without a port's brackets that Java prints. Undefined when it is neither. */
export function parseAddress(value: string): { readonly host: string; readonly port: number } | undefined {
  const colon = value.lastIndexOf(':');
  if (colon <= 0) return undefined;
  const host = value.slice(0, colon);
  const port = value.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || !HOST.test(host)) return undefined;
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(port) };
}

/** The form that goes into routes and ready lines. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Addresses in one list. */
export const ADDRESSES_MAX = 16;

/** `host:port;host:port`, each once; undefined when one is none, has no port, or they are too many. */
export function parseAddressList(value: string): readonly string[] | undefined {
  const parts = value
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length > ADDRESSES_MAX) return undefined;
  return parts.every((part) => (parseAddress(part)?.port ?? 0) > 0) ? [...new Set(parts)] : undefined;
}
