/**
 * UPDATE_BROKER_CONFIG (25) and UPDATE_NAMESRV_CONFIG (318): settings as Java properties, all taken or none; answered when every
 * thread works by them. 0, with a remark when a setting has no effect or only at the next start; 1 no properties, or the settings
 * could not be saved; 2 busy; 16 the key names a path or a command; 29 a value out of its range, or too much at once.
 * Source: RocketMQ 5.4 `AdminBrokerProcessor.updateBrokerConfig`, `DefaultRequestProcessor.updateConfig`.
 */
import { INVALID_PARAMETER, NO_PERMISSION, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { CONFIGURATION_PATH } from '../../../broker/actor-paths.ts';
import type { SettingsOutcome, SettingsUpdated, UpdateSettings } from '../../../settings/configuration-actor.ts';
import { type SettingsScope, TEXT_BYTES_MAX } from '../../../settings/decide-update.ts';
import type { Handler } from '../../request.ts';

const UPDATE_MAX_MS = 30_000;
const CODES: Readonly<Record<SettingsOutcome, number>> = {
  done: SUCCESS,
  'no-properties': SYSTEM_ERROR,
  forbidden: NO_PERMISSION,
  'bad-value': INVALID_PARAMETER,
  busy: SYSTEM_BUSY,
  'not-saved': SYSTEM_ERROR,
  late: SYSTEM_BUSY,
};

export function updateSettings(thread: ThreadContext, scope: SettingsScope): Handler {
  const configuration = thread.ref<UpdateSettings>(CONFIGURATION_PATH);
  return (request) => {
    const { connection, command } = request;
    if (command.body.length > TEXT_BYTES_MAX) {
      request.answer(
        INVALID_PARAMETER,
        `The settings have ${command.body.length} bytes, at most ${TEXT_BYTES_MAX} are taken; send fewer at once`,
      );
      return;
    }
    // A copy: the body lies in the read buffer, and the message may wait.
    const text = new Uint8Array(command.body);
    const by = `${connection.remoteAddress}:${connection.remotePort}`;
    thread.ask<SettingsUpdated, UpdateSettings>(
      configuration,
      (replyTo) => ({ kind: 'update-settings', scope, text, by, replyTo }),
      UPDATE_MAX_MS,
      (reply) => {
        if (reply === undefined)
          request.answer(SYSTEM_BUSY, 'the configuration did not answer in time; ask for the settings, then try again');
        else request.answer(CODES[reply.outcome], reply.remark === '' ? null : reply.remark);
      },
    );
  };
}
