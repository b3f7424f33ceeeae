/**
 * What brokers ask of a consumer: that the group's members have changed (40). Others are answered with 3. A request that cannot be read is
 * answered with 1 and told. Source: RocketMQ 5.3 `ClientRemotingProcessor`.
 */
import { BodyError, FieldError } from '../protocol/remoting/errors.ts';
import { NOTIFY_CONSUMER_IDS_CHANGED } from '../protocol/remoting/request-code.ts';
import { decodeNotifyConsumerIdsChangedRequest } from '../protocol/remoting/requests/notify-consumer-ids-changed.ts';
import { REQUEST_CODE_NOT_SUPPORTED, SYSTEM_ERROR } from '../protocol/remoting/response-code.ts';
import type { Connection, PeerRequest } from './connection.ts';
import { ClientError } from './errors.ts';
import type { GroupMember } from './group-member.ts';

/** A request's answer; null: none is due. */
export type PeerAnswer = { readonly code: number; readonly remark?: string; readonly body?: Uint8Array } | null;

/** Answers one request; undefined: not one of its own. */
export type AnswerPeer = (request: PeerRequest) => Promise<PeerAnswer | undefined> | PeerAnswer | undefined;

export async function answerPeer(member: GroupMember, request: PeerRequest, connection: Connection, more: AnswerPeer): Promise<void> {
  try {
    if (request.code === NOTIFY_CONSUMER_IDS_CHANGED) {
      if (decodeNotifyConsumerIdsChangedRequest(request.ext).consumerGroup === member.settings.group) member.rebalance();
      return;
    }
    const answer = await more(request);
    if (answer === null) return;
    if (answer !== undefined) connection.respond(request, answer);
    else connection.respond(request, { code: REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${request.code} not supported` });
  } catch (error) {
    if (!(error instanceof FieldError) && !(error instanceof BodyError)) throw error;
    connection.respond(request, { code: SYSTEM_ERROR, remark: error.message });
    const { address } = connection;
    member.core.report(
      new ClientError('MQ_CLIENT_BAD_ANSWER', `${address} asked what cannot be read: ${error.message}`, { address, cause: error }),
    );
  }
}
