/**
 * What the topic registry hears and says. Flat, so that each fits a ring record; what may be many goes in pages.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { TableVersion, TopicConfig, TopicFilterType } from './topic-config.ts';
import type { TopicTableStarted } from './topic-table-actor.ts';

export type TopicReady = { kind: 'topic-ready'; topic: string };
export type TopicRefused = { kind: 'topic-refused'; topic: string; code: number; remark: string };
export type TopicReply = TopicReady | TopicRefused;
type ReplyTo = ActorRef<TopicReply>;

/** A send found no topic: make it if the rules allow. */
export type CreateOnSend = {
  kind: 'create-on-send';
  topic: string;
  defaultTopic: string;
  queueNums: number;
  clientAddress: string;
  /** Unit flags for the topic: 1 unit, 2 unit subscription. */
  sysFlag: number;
  replyTo: ReplyTo;
};
/** A tool makes or changes a topic (request 17). */
export type UpdateTopicCommand = {
  kind: 'update-topic';
  topic: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
  topicFilterType: TopicFilterType;
  topicSysFlag: number;
  order: boolean;
  attributes: string;
  replyTo: ReplyTo;
};
/** A part of the broker needs the topic; what exists is left as it is. */
export type EnsureTopic = {
  kind: 'ensure-topic';
  topic: string;
  readQueues: number;
  writeQueues: number;
  perm: number;
  /** Unit flags; default none. */
  sysFlag?: number;
  replyTo: ReplyTo;
};
/** Answered with topic-ready for an unknown topic too. Its queues go; a topic of the same name that is made later begins at 0. */
export type DeleteTopic = { kind: 'delete-topic'; topic: string; replyTo: ReplyTo };
/** Answered when the table is loaded and saved and every shard has it. */
export type AwaitTopics = { kind: 'await-topics'; replyTo: ActorRef<TopicsReady> };
export type TopicsReady = { kind: 'topics-ready'; topics: number };
/** All topics, page by page: `cursor` 0 first, then the `next` of the page before, until it is −1. */
export type ListTopics = { kind: 'list-topics'; cursor: number; replyTo: ActorRef<TopicPage> };
export type TopicPage = { kind: 'topic-page'; topics: TopicConfig[]; next: number; version: TableVersion };
/** Queues in the store that belong to no topic go. Answered with how many topics had some. */
export type DropUnused = { kind: 'drop-unused'; replyTo: ActorRef<UnusedDropped> };
export type UnusedDropped = { kind: 'unused-dropped'; topics: number };
/**
 * Settings changed. The default topic becomes what they say; with `announce` all topics are registered anew, under a new version, for
 * name servers to take what is said of each. Answered when that has ended.
 */
export type TopicSettingsChanged = { kind: 'topic-settings-changed'; announce: boolean; replyTo: ReplyTo };
export type TopicRegistryCommand =
  | TopicSettingsChanged
  | DropUnused
  | CreateOnSend
  | UpdateTopicCommand
  | EnsureTopic
  | DeleteTopic
  | TopicTableStarted
  | AwaitTopics
  | ListTopics;

/** What the registration actor hears: these topics changed, `removed` have gone; answered when the name servers know or failed. */
export type TopicsChanged = {
  kind: 'topics-changed';
  topics: TopicConfig[];
  removed: string[];
  version: TableVersion;
  replyTo: ActorRef<TopicsRegistered>;
};
/** Everything is to be registered anew under this version: what is said of topics changed, or the broker's addresses. */
export type AnnounceAll = { kind: 'announce-all'; version: TableVersion; replyTo: ActorRef<TopicsRegistered> };
export type TopicsRegistered = { kind: 'topics-registered'; registered: number; failed: number };
/** The registry started (again): the registration actor is to fetch all topics by `list-topics`. */
export type TopicsReset = { kind: 'topics-reset'; version: TableVersion };
