/**
 * Asker addresses: the addresses of brokers as an asker reaches them, by the listener maps that brokers register. One a shard; keeps the
 * maps parsed, by their text. Never fails: a map was checked when it was registered.
 */
import { type Listener, listenerFor, parseListeners } from '../broker/listener-map.ts';
import type { Connection } from '../gateway/request.ts';

/** Different maps kept parsed: about one a broker. */
const MAPS_MAX = 4096;

export class AskerAddresses {
  readonly #maps: Map<string, readonly Listener[]> = new Map();

  /** @param listeners the broker's map, empty for a broker without; @param address where it says that it is otherwise */
  of(listeners: string, address: string, asker: Pick<Connection, 'remoteAddress' | 'localAddress'>): string {
    if (listeners === '') return address;
    return listenerFor(this.#parsed(listeners), asker.remoteAddress, asker.localAddress) ?? address;
  }

  #parsed(text: string): readonly Listener[] {
    let map = this.#maps.get(text);
    if (map === undefined) {
      const parsed = parseListeners(text);
      map = typeof parsed === 'string' ? [] : parsed;
      if (this.#maps.size >= MAPS_MAX) this.#maps.clear();
      this.#maps.set(text, map);
    }
    return map;
  }
}
