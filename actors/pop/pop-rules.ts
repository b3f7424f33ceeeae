/**
 * The rules that a request about popping must keep, in the Java broker's order, and what a pop wants. One a shard.
 * Refusals: 16 not readable or consumption off; 17 no such topic; 23 the expression cannot be parsed; 26 no such group; 29 a bad queue id.
 * Source: RocketMQ 5.3 `PopMessageProcessor.processRequest`.
 */
import { MessageTextError } from '../../model/errors.ts';
import { javaHash } from '../../model/java-hash.ts';
import { isReadable } from '../../model/permission.ts';
import { EXPRESSION_PLUGIN, EXPRESSION_SQL92, isTagType, parseTags } from '../../model/subscription.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import type { EnsureGroup, GroupReply } from '../consumer-group/group-registry-messages.ts';
import { GROUP_REGISTRY_PATH } from '../consumer-group/group-table-actor.ts';
import { pluginsOf } from '../filter/plugin-binding.ts';
import type { PluginDoor } from '../filter/plugin-door.ts';
import type { RecordTest } from '../filter/record-filter.ts';
import { SqlFilters } from '../filter/sql-filters.ts';
import { tagTestOf } from '../filter/tag-test.ts';
import type { Request } from '../gateway/request.ts';
import { TagExpressions } from '../queue/tag-expressions.ts';
import type { TopicState } from '../topic/topic-table.ts';
import type { PopDoor } from './pop-door.ts';

/** Messages with one of these tag codes (empty: all) that the filter, and then all the plugins let through. */
export type PopWanted = { readonly codes: readonly number[]; readonly filter: RecordTest | null; readonly plugins: readonly string[] };

const ALL: PopWanted = { codes: [], filter: null, plugins: [] };
const ENSURE_MAX_MS = 2_500;

export class PopRules {
  readonly #door: PopDoor;
  readonly #limits: { readonly propertyFilter: boolean };
  readonly plugins: PluginDoor;
  readonly #tags = new TagExpressions();
  readonly #filters = new SqlFilters();

  /** @param limits `enablePropertyFilter`; read at each use */
  constructor(door: PopDoor, limits: { readonly propertyFilter: boolean }, plugins: PluginDoor) {
    this.plugins = plugins;
    this.#door = door;
    this.#limits = limits;
  }

  /** Goes on when the group may pop the topic's queue (−1: any); else the request is answered. */
  check(
    request: Request,
    asked: { readonly consumerGroup: string; readonly topic: string; readonly queueId: number },
    then: (topic: TopicState) => void,
  ): void {
    const { topics, groups } = this.#door;
    const { topic: name, queueId, consumerGroup: group } = asked;
    const topic = topics.get(name);
    if (!isReadable(topics.brokerPermission)) {
      request.answer(code.NO_PERMISSION, 'the broker pop message is forbidden: its brokerPermission has no read bit');
    } else if (topic === undefined) {
      const isEarly = !topics.complete;
      const remark = isEarly ? 'the broker is starting' : `topic[${name}] not exist, apply first please!`;
      request.answer(isEarly ? code.SYSTEM_BUSY : code.TOPIC_NOT_EXIST, remark);
    } else if (!isReadable(topic.perm)) {
      request.answer(code.NO_PERMISSION, `the topic[${name}] pop message is forbidden: its perm ${topic.perm} has no read bit`);
    } else if (queueId >= topic.readQueues) {
      const remark = `queueId[${queueId}] is illegal, topic:[${name}] topicConfig.readQueueNums:[${topic.readQueues}] consumer:[${request.connection.remoteAddress}]; refresh the route`;
      request.answer(code.INVALID_PARAMETER, remark);
    } else if (groups.get(group) === undefined) this.#ensureGroup(request, group, () => this.#mayRead(request, group, topic, then));
    else this.#mayRead(request, group, topic, then);
  }

  /** Calls back when the group is known, which use makes where that is allowed; else the request is answered. */
  withGroup(request: Request, group: string, then: () => void): void {
    if (this.#door.groups.get(group) !== undefined) then();
    else this.#ensureGroup(request, group, then);
  }

  #mayRead(request: Request, group: string, topic: TopicState, then: (topic: TopicState) => void): void {
    const { groups } = this.#door;
    if (groups.get(group)?.config.consumeEnable === false) {
      request.answer(code.NO_PERMISSION, `subscription group no permission, ${group}: consumption is switched off (consumeEnable)`);
    } else if (!groups.mayRead(group, topic.name)) {
      const remark = `the consumer group[${group}] is forbidden for topic[${topic.name}]; allow it to read again`;
      request.answer(code.NO_PERMISSION, remark);
    } else then(topic);
  }

  #ensureGroup(request: Request, group: string, then: () => void): void {
    const { thread, groups } = this.#door;
    thread.ask<GroupReply, EnsureGroup>(
      thread.ref<EnsureGroup>(GROUP_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
      ENSURE_MAX_MS,
      (reply) => {
        if (reply?.kind === 'group-refused') {
          request.answer(code.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${group}] does not exist: ${reply.remark}`);
        } else if (reply === undefined || groups.get(group) === undefined) {
          request.answer(code.SYSTEM_BUSY, `the group ${group} is being made; try again`);
        } else then();
        thread.requestTurn();
      },
    );
  }

  /** What the expression of a pop, the topic and the group let through; null: the request was answered. */
  wanted(request: Request, topic: TopicState, group: string, type: string | null, expression: string | null): PopWanted | null {
    const wanted = this.#byExpression(request, type, expression);
    if (wanted === null) return null;
    const plugins = pluginsOf(topic, group, this.#door.groups.get(group)?.plugin ?? null, wanted.plugins);
    return plugins.length === wanted.plugins.length ? wanted : { ...wanted, plugins };
  }

  #byExpression(request: Request, type: string | null, expression: string | null): PopWanted | null {
    if (expression === null || expression === '') return ALL;
    if (isTagType(type ?? '')) {
      const codes = this.#tags.of(expression);
      if (codes instanceof MessageTextError) return unparsed(request, codes.message);
      return { codes, filter: tagTestOf(parseTags(expression), codes, javaHash), plugins: [] };
    }
    if (type === EXPRESSION_PLUGIN) {
      const fault = this.plugins.fault(expression.trim());
      return fault === null ? { ...ALL, plugins: [expression.trim()] } : unparsed(request, fault);
    }
    if (type !== EXPRESSION_SQL92) return unparsed(request, `${(type ?? '').slice(0, 32)} is no kind of expression that is served`);
    if (!this.#limits.propertyFilter) return unparsed(request, 'enablePropertyFilter is false');
    const filter = this.#filters.of(expression);
    return 'remark' in filter ? unparsed(request, filter.remark) : { codes: [], filter, plugins: [] };
  }
}

function unparsed(request: Request, why: string): null {
  request.answer(code.SUBSCRIPTION_PARSE_FAILED, `parse the consumer's subscription failed: ${why}`);
  return null;
}
