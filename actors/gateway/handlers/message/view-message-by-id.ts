/**
 * VIEW_MESSAGE_BY_ID (33): one message by its place in the commit log, which is what an offset message id says. The place comes from
 * outside: only where a whole record begins there is a message. The topic that newer clients send along is not looked at, as in Java.
 * Answers: 0 the record; 1 there is no message at this place; 2 ask again later; 215 the client does not read its answers.
 * Source: RocketMQ 5.3 `QueryMessageProcessor.viewMessageById`.
 */
import { decodeViewMessageByIdRequest } from '../../../../protocol/remoting/requests/view-message-by-id.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { MessageDoor } from '../../../message/message-door.ts';
import type { Handler } from '../../request.ts';
import { refuseView, takesAnswers } from './answer-viewed.ts';

export function viewMessageById(door: MessageDoor): Handler {
  return (request) => {
    const { offset } = decodeViewMessageByIdRequest(request.command.ext);
    door.viewOne(
      offset,
      () => takesAnswers(request.connection),
      (record) => {
        if (record === null) refuseView(request);
        else if (record.length === 0) request.answer(SYSTEM_ERROR, `can not find message by the offset, ${offset}`);
        else request.answer(SUCCESS, null, null, record);
      },
    );
  };
}
