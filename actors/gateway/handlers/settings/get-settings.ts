/**
 * GET_BROKER_CONFIG (26) and GET_NAMESRV_CONFIG (319): all settings as Java properties, sorted; the broker's answer has the version
 * that moves with each change. 2 when the configuration does not answer.
 * Source: RocketMQ 5.4 `AdminBrokerProcessor.getBrokerConfig`, `DefaultRequestProcessor.getConfig`.
 */
import { encodeGetBrokerConfigResponse } from '../../../../protocol/remoting/requests/get-broker-config.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { CONFIGURATION_PATH } from '../../../broker/actor-paths.ts';
import type { GetSettings, SettingsListed } from '../../../settings/configuration-actor.ts';
import type { SettingsScope } from '../../../settings/decide-update.ts';
import type { Handler } from '../../request.ts';

/** Shorter than the 3 s that tools wait. */
const GET_MAX_MS = 2_500;

export function getSettings(thread: ThreadContext, scope: SettingsScope): Handler {
  const configuration = thread.ref<GetSettings>(CONFIGURATION_PATH);
  return (request) => {
    thread.ask<SettingsListed, GetSettings>(
      configuration,
      (replyTo) => ({ kind: 'get-settings', scope, replyTo }),
      GET_MAX_MS,
      (reply) => {
        if (reply === undefined) {
          request.answer(SYSTEM_BUSY, 'the configuration did not answer in time; try again');
          return;
        }
        const version = JSON.stringify({ counter: reply.counter, stateVersion: 0, timestamp: reply.timestamp });
        const ext = scope === 'broker' ? encodeGetBrokerConfigResponse({ version }) : null;
        request.answer(SUCCESS, null, ext as Record<string, string> | null, Buffer.from(reply.text, 'utf8'));
      },
    );
  };
}
