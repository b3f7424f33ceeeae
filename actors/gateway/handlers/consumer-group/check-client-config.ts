/**
 * CHECK_CLIENT_CONFIG (46): may this client subscribe as it wants to? Tags always; expressions are refused with 1, which stops the
 * client's start with a reason instead of leaving it without messages.
 * Source: RocketMQ `ClientManageProcessor.checkClientConfig`.
 */
import { isTagType } from '../../../../model/subscription.ts';
import { decodeCheckClientConfig } from '../../../../protocol/remoting/bodies/check-client-config.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { Handler } from '../../request.ts';

const TYPE_SHOWN_MAX = 32;

export function checkClientConfig(): Handler {
  return (request) => {
    const { expressionType: type } = decodeCheckClientConfig(request.command.body).subscription;
    if (isTagType(type)) request.answer(SUCCESS);
    else {
      request.answer(
        SYSTEM_ERROR,
        `The broker does not support consumer to filter message by ${type.slice(0, TYPE_SHOWN_MAX)}: enablePropertyFilter is false; subscribe by tags`,
      );
    }
  };
}
