/**
 * The one table of settings: RocketMQ's key (or ours, where RocketMQ has none), type, default, range, unit and a sentence.
 * The parser, the type of BrokerConfig and docs/configuration.md all come from it. Its rows are in options/, a file a subject.
 * A field's name carries its unit. Pure.
 * Source: RocketMQ 5.4 `BrokerConfig`, `MessageStoreConfig`, `NettyServerConfig`, `NamesrvConfig`.
 */
import { identityOptions, nameServerOptions } from './options/address-options.ts';
import { consumingOptions } from './options/consuming-options.ts';
import { limitOptions, threadOptions } from './options/limit-options.ts';
import { operationOptions } from './options/operation-options.ts';
import { storageOptions } from './options/storage-options.ts';
import { topicOptions, transactionOptions } from './options/topic-options.ts';

/** Every setting, in the order of the documents. */
export const brokerOptions = {
  ...identityOptions,
  ...nameServerOptions,
  ...threadOptions,
  ...storageOptions,
  ...topicOptions,
  ...consumingOptions,
  ...transactionOptions,
  ...limitOptions,
  ...operationOptions,
} as const;

export type OptionField = keyof typeof brokerOptions;
export type OptionValue<F extends OptionField> = (typeof brokerOptions)[F]['default'];
