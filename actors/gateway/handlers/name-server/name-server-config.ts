/**
 * UPDATE_NAMESRV_CONFIG (318) and GET_NAMESRV_CONFIG (319): settings as `key=value` lines. Only what may change at run time is
 * taken: every key that is a path or a command in Java stays out of reach (16), and so does what has no meaning here.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.updateConfig`, `getConfig`.
 */
import { INVALID_PARAMETER, NO_PERMISSION, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { Configure, Done, GetSettings, SettingsAnswer } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

const SCAN_KEY = 'scanNotActiveBrokerInterval';
const SCAN_MIN_MS = 1_000;
const SCAN_MAX_MS = 600_000;
const TEXT_MAX = 16 * 1024;

export function updateNameServerConfig(door: NameServerDoor): Handler {
  return (request) => {
    const { body } = request.command;
    if (body.length > TEXT_MAX) {
      request.answer(INVALID_PARAMETER, `The settings have ${body.length} bytes, ${TEXT_MAX} are taken.`);
      return;
    }
    let scanMs = -1;
    for (const line of Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8').split('\n')) {
      const trimmed = line.trim();
      if (trimmed.length === 0 || trimmed.startsWith('#')) continue;
      const equals = trimmed.indexOf('=');
      const key = trimmed.slice(0, Math.max(0, equals)).trim();
      if (key !== SCAN_KEY) {
        request.answer(
          NO_PERMISSION,
          `Can not update config ${JSON.stringify(key.slice(0, 64))}: only ${SCAN_KEY} may change while the name server runs.`,
        );
        return;
      }
      const text = trimmed.slice(equals + 1).trim();
      scanMs = /^\d{1,9}$/.test(text) ? Number(text) : -1;
      if (scanMs < SCAN_MIN_MS || scanMs > SCAN_MAX_MS) {
        request.answer(
          INVALID_PARAMETER,
          `${SCAN_KEY} is ${JSON.stringify(text.slice(0, 32))}, ${SCAN_MIN_MS} to ${SCAN_MAX_MS} ms are taken.`,
        );
        return;
      }
    }
    if (scanMs < 0) {
      request.answer(SUCCESS);
      return;
    }
    door.askAll<Done>(
      request,
      (_shard, replyTo): Configure => ({ kind: 'configure', scanMs, replyTo }),
      () => request.answer(SUCCESS),
    );
  };
}

export function getNameServerConfig(door: NameServerDoor): Handler {
  return (request) => {
    door.ask<SettingsAnswer>(
      request,
      door.shard,
      (replyTo): GetSettings => ({ kind: 'get-settings', replyTo }),
      ({ scanMs }) => request.answer(SUCCESS, null, null, Buffer.from(`${SCAN_KEY}=${scanMs}\n`, 'utf8')),
    );
  };
}
