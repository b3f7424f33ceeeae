/**
 * What a tool is answered that asked something of a member of a group: the member's own answer, or why there is none: 1 not on line, too old, gone or
 * overloaded; 207 silent.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.callConsumer`.
 */
import { CONSUME_MSG_TIMEOUT, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { CALL_MAX_MS, CALL_VERSION_MIN, callMember, findMember } from '../../../consumer-group/call-member.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Request } from '../../request.ts';

/** What concerns the tool and the broker alone. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['AccessKey', 'Signature', 'SecurityToken']);

/** @param added fields that the broker adds to those of the tool. @param physical of the stored message that goes along; −1: none */
export function answerOfMember(
  door: GroupDoor,
  request: Request,
  group: string,
  clientId: string,
  added: Record<string, string> = {},
  physical: number = -1,
): void {
  const member = findMember(door, group, clientId);
  if (member === undefined) {
    request.answer(SYSTEM_ERROR, `The Consumer <${group}> <${clientId}> not online`);
    return;
  }
  if (member.version < CALL_VERSION_MIN) {
    const remark = `The Consumer <${clientId}> Version <${member.version}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT`;
    request.answer(SYSTEM_ERROR, remark);
    return;
  }
  const asked = [...request.command.ext].filter(([name]) => !OWN_FIELDS.has(name));
  const ext = { ...Object.fromEntries(asked), ...added };
  callMember(door.thread, member, { code: request.command.code, ext, physical, timeoutMs: CALL_MAX_MS }, (answer) => {
    const who = `<${group}> <${clientId}>`;
    switch (answer.outcome) {
      case 'answered':
        request.answer(answer.code, answer.remark === '' ? null : answer.remark, answer.ext, answer.body);
        break;
      case 'timeout':
        request.answer(CONSUME_MSG_TIMEOUT, `consumer ${who} Timeout: it gave no answer within ${CALL_MAX_MS} ms`);
        break;
      case 'gone':
        request.answer(SYSTEM_ERROR, `invoke consumer ${who} Exception: its connection has closed`);
        break;
      case 'full':
        request.answer(SYSTEM_ERROR, `invoke consumer ${who} Exception: it has too much to read or to answer already; try again`);
        break;
      case 'no-message':
        request.answer(
          SYSTEM_ERROR,
          `no message is stored at the offset ${physical}: it was deleted, or the message id is another broker's`,
        );
        break;
    }
    door.thread.requestTurn();
  });
}
