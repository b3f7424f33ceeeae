/** The client's public API: `ringmq/client`. What is not named here is private and may change with any release. */

export type { DirectPath, DirectPullAnswer, DirectSendAnswer, Link, LinkEvents } from '../protocol/remoting/link.ts';
export { Admin, type AdminOptions } from './admin.ts';
export type { AdminCalls, BrokerAddress, BrokerChoice } from './admin-calls.ts';
export type { GroupAdmin, GroupSettings, QueueLag } from './admin-groups.ts';
export type { QueueAdmin } from './admin-queues.ts';
export type { QueueStats, TopicAdmin, TopicSettings } from './admin-topics.ts';
export type { ClientOptions } from './client-core.ts';
export type { ConsumeFrom, ConsumerOptions, MessageModel, OffsetStore, Selector } from './consumer-options.ts';
export { type ClientEnvironment, systemEnvironment } from './environment.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export type { Message } from './message.ts';
export type { SendStatus } from './message-sender.ts';
export type { MessageOptions, OutgoingMessage } from './outgoing-message.ts';
export { Producer, type ProducerOptions, type SendResult } from './producer.ts';
export { type PollOptions, PullConsumer, type PullConsumerOptions } from './pull-consumer.ts';
export {
  type MessageHandler,
  PushConsumer,
  type PushConsumerOptions,
  type SubscribeOptions,
  type TypedSubscribeOptions,
  type ValueHandler,
} from './push-consumer.ts';
export { TcpTransport, type TcpTransportOptions } from './tcp-transport.ts';
export type { Transport } from './transport.ts';
export { defineTopic, type StandardSchema, Topic, type TopicDefinition } from './typed-topic.ts';
