/**
 * CHECK_CLIENT_CONFIG (46): may this client subscribe as it wants to? Tags always; SQL92 when it is switched on (else 1) and the expression
 * compiles (else 23, with the place of the fault); a filter plugin when there is one of that name (else 23): that stops the client's start with
 * a reason instead of leaving it without messages.
 * Source: RocketMQ `ClientManageProcessor.checkClientConfig`.
 */
import { EXPRESSION_PLUGIN, EXPRESSION_SQL92, isTagType } from '../../../../model/subscription.ts';
import { decodeCheckClientConfig } from '../../../../protocol/remoting/bodies/check-client-config.ts';
import { SUBSCRIPTION_PARSE_FAILED, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { compileSql } from '../../../filter/compile-sql.ts';
import type { Handler } from '../../request.ts';

const TYPE_SHOWN_MAX = 32;

export type PluginNames = {
  /** All plugins of the start are known. */
  readonly complete: boolean;
  /** Null for a plugin that is there. */
  fault(name: string): string | null;
};

export function checkClientConfig(limits: { readonly propertyFilter: boolean }, plugins: PluginNames): Handler {
  return (request) => {
    const { expressionType: type, subString } = decodeCheckClientConfig(request.command.body).subscription;
    if (isTagType(type)) {
      request.answer(SUCCESS);
      return;
    }
    if (type === EXPRESSION_PLUGIN) {
      const fault = plugins.fault(subString.trim());
      if (fault === null) request.answer(SUCCESS);
      else if (plugins.complete) request.answer(SUBSCRIPTION_PARSE_FAILED, fault);
      else request.answer(SYSTEM_BUSY, 'the broker is loading its filter plugins; ask again');
      return;
    }
    if (type !== EXPRESSION_SQL92 || !limits.propertyFilter) {
      const remedy = type === EXPRESSION_SQL92 ? 'enablePropertyFilter is false; subscribe by tags' : 'subscribe by tags or SQL92';
      request.answer(SYSTEM_ERROR, `The broker does not support consumer to filter message by ${type.slice(0, TYPE_SHOWN_MAX)}: ${remedy}`);
      return;
    }
    const filter = compileSql(subString);
    if ('remark' in filter) request.answer(SUBSCRIPTION_PARSE_FAILED, `the expression is no SQL92 filter: ${filter.remark}`);
    else request.answer(SUCCESS);
  };
}
