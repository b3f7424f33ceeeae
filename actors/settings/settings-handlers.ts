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
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';

export function createBrokerSettingsHandlers(thread: ThreadContext): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [
      UPDATE_BROKER_CONFIG,
      whenAsked(async () => (await import('../gateway/handlers/settings/update-settings.ts')).updateSettings(thread, 'broker')),
    ],
    [
      GET_BROKER_CONFIG,
      whenAsked(async () => (await import('../gateway/handlers/settings/get-settings.ts')).getSettings(thread, 'broker')),
    ],
  ];
  return new Map(handlers);
}

export function createNameServerSettingsHandlers(thread: ThreadContext): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [
      UPDATE_NAMESRV_CONFIG,
      whenAsked(async () => (await import('../gateway/handlers/settings/update-settings.ts')).updateSettings(thread, 'namesrv')),
    ],
    [
      GET_NAMESRV_CONFIG,
      whenAsked(async () => (await import('../gateway/handlers/settings/get-settings.ts')).getSettings(thread, 'namesrv')),
    ],
  ];
  return new Map(handlers);
}
