/**
 * The settings requests of one shard by their codes, for a broker, a name server or both. Only assembles.
 */
import {
  GET_BROKER_CONFIG,
  GET_NAMESRV_CONFIG,
  UPDATE_BROKER_CONFIG,
  UPDATE_NAMESRV_CONFIG,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { getSettings } from '../gateway/handlers/settings/get-settings.ts';
import { updateSettings } from '../gateway/handlers/settings/update-settings.ts';
import type { Handler } from '../gateway/request.ts';

export function createBrokerSettingsHandlers(thread: ThreadContext): Map<number, Handler> {
  const handlers: [number, Handler][] = [
    [UPDATE_BROKER_CONFIG, updateSettings(thread, 'broker')],
    [GET_BROKER_CONFIG, getSettings(thread, 'broker')],
  ];
  return new Map(handlers);
}

export function createNameServerSettingsHandlers(thread: ThreadContext): Map<number, Handler> {
  const handlers: [number, Handler][] = [
    [UPDATE_NAMESRV_CONFIG, updateSettings(thread, 'namesrv')],
    [GET_NAMESRV_CONFIG, getSettings(thread, 'namesrv')],
  ];
  return new Map(handlers);
}
