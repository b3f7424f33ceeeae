/**
 * REGISTER_TOPIC_IN_NAMESRV (217): a broker of 5.x tells the queues of one new topic by itself.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.registerTopicToNamesrv`.
 */
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { FieldReader } from '../../../../protocol/remoting/field-reader.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { QueueRoute } from '../../../name-server/route-table.ts';
import type { Done, RegisterRoute } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

const QUEUE_DATAS_MAX = 100;

export function registerTopic(door: NameServerDoor): Handler {
  return (request) => {
    const topic = new FieldReader(request.command.ext).string('topic');
    const queues = queueRoutes(request.command.body);
    door.ask<Done>(
      request,
      door.shardOf(topic),
      (replyTo): RegisterRoute => ({ kind: 'register-route', topic, queues, replyTo }),
      ({ ok }) => {
        if (ok) request.answer(SUCCESS);
        else request.answer(SYSTEM_ERROR, `No room for the route of topic ${topic}: the name server has as many topics as it may hold.`);
      },
    );
  };
}

function queueRoutes(body: Uint8Array): QueueRoute[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (cause) {
    throw new BodyError('The body is no route in JSON', { cause });
  }
  const datas = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)['queueDatas'] : null;
  if (!Array.isArray(datas) || datas.length > QUEUE_DATAS_MAX) throw new BodyError(`The route needs 1 to ${QUEUE_DATAS_MAX} queueDatas`);
  return datas.map((data: Record<string, unknown>) => {
    const brokerName = data['brokerName'];
    if (typeof brokerName !== 'string') throw new BodyError('queueDatas without brokerName');
    return {
      brokerName,
      readQueueNums: count(data, 'readQueueNums'),
      writeQueueNums: count(data, 'writeQueueNums'),
      perm: count(data, 'perm'),
      topicSysFlag: data['topicSysFlag'] === undefined ? 0 : count(data, 'topicSysFlag'),
    };
  });
}

function count(data: Record<string, unknown>, name: string): number {
  const value = Number(data[name]);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new BodyError(`queueDatas need ${name} between 0 and 65535`);
  return value;
}
