/**
 * A member of a group as tools are shown it (203, 204). Pure. Source: RocketMQ `Connection`.
 */
import type { ClientConnection } from '../../../../protocol/remoting/bodies/connection.ts';
import type { Member } from '../../../consumer-group/members.ts';

export function clientConnection({ clientId, address, language, version }: Member): ClientConnection {
  return { clientId, clientAddr: address, language, version };
}
