import { test } from 'tap';
import { ClientError } from '../../client/errors.ts';
import { SendWindow } from '../../client/send-window.ts';

test('SendWindow lets in as many messages and bytes as it has room for, the others in their order', async (t) => {
  const window = new SendWindow(2, 100, 10);
  t.equal(window.enter(60), null);
  t.equal(window.enter(40), null);
  const admitted: string[] = [];
  const third = window.enter(10)?.then(() => admitted.push('third'));
  const fourth = window.enter(90)?.then(() => admitted.push('fourth'));
  const fifth = window.enter(1)?.then(() => admitted.push('fifth'));
  window.leave(40);
  await third;
  t.same(admitted, ['third'], 'the fourth has no room, and the fifth does not pass it by');
  window.leave(60);
  await fourth;
  t.same([window.messages, window.bytes], [2, 100]);
  window.leave(10);
  await fifth;
  t.same(admitted, ['third', 'fourth', 'fifth']);
});

test('SendWindow takes one message of any size when it is empty', async (t) => {
  const window = new SendWindow(2, 100, 10);
  t.equal(window.enter(5_000), null);
  const next = window.enter(1);
  t.ok(next);
  window.leave(5_000);
  await next;
  t.equal(window.bytes, 1);
});

test('SendWindow refuses who comes when enough wait, and sends all away at the close', async (t) => {
  const window = new SendWindow(1, 100, 2);
  window.enter(1);
  const waiting = [window.enter(1), window.enter(1)];
  await t.rejects(window.enter(1) ?? Promise.resolve(), { code: 'MQ_CLIENT_LIMIT', message: /await some/ });
  window.refuseAll(new ClientError('MQ_CLIENT_CLOSED', 'closed'));
  for (const each of waiting) await t.rejects(each ?? Promise.resolve(), { code: 'MQ_CLIENT_CLOSED' });
  const idle = window.idle();
  window.leave(1);
  await idle;
  t.same([window.messages, window.bytes, window.waiting], [0, 0, 0]);
});
