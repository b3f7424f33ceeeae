/**
 * What the client asks of the world between it and brokers: links to addresses (protocol/remoting/link.ts has their promises). The client knows
 * nothing else of sockets or threads, so it runs over TCP (tcp-transport.ts), within a process, and over a simulated net.
 */
import type { Link, LinkEvents } from '../protocol/remoting/link.ts';

export interface Transport {
  /**
   * Begins a link to `address` (`host:port`, as name servers give it; or a name that only this transport knows). Never throws and never calls
   * `events` before it has returned: an address that leads nowhere is told by `closed`.
   */
  open(address: string, events: LinkEvents): Link;
}
