import { test } from 'tap';
import { defineTopic, type StandardSchema } from '../../client/typed-topic.ts';

type Order = { id: number };

const schema: StandardSchema<Order> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      typeof (value as Order | null)?.id === 'number'
        ? { value: { id: (value as Order).id } }
        : { issues: [{ message: 'is no number', path: ['lines', { key: 3 }, 'id'] }, { message: 'and more' }] },
  },
};

test('Topic encodes as JSON and decodes again, checked by a Standard Schema', async (t) => {
  const orders = defineTopic<Order>({ name: 'Orders', schema });
  t.equal(Buffer.from(await orders.encode({ id: 1, more: 2 } as Order)).toString(), '{"id":1}', 'what the schema gives is sent');
  t.same(await orders.decode(Buffer.from('{"id":5}')), { id: 5 });
  await t.rejects(orders.encode({ id: 'x' } as never), {
    code: 'MQ_CLIENT_INVALID_VALUE',
    message: /sent in topic Orders .*lines\.3\.id: is no number; and more/,
  });
  await t.rejects(orders.decode(Buffer.from('null')), { code: 'MQ_CLIENT_INVALID_VALUE', message: /received/ });
  await t.rejects(orders.decode(Buffer.from('{"id":')), { code: 'MQ_CLIENT_INVALID_VALUE', message: /JSON/ });
  await t.rejects(orders.decode(Buffer.from([0xff, 0xfe])), { code: 'MQ_CLIENT_INVALID_VALUE' });
});

test('Topic uses a validate function and codecs of one own', async (t) => {
  const numbers = defineTopic<number>({
    name: 'Numbers',
    validate: (value) => {
      if (!Number.isInteger(value)) throw new RangeError('no integer');
      return value as number;
    },
    encode: (value) => Uint8Array.of(value),
    decode: (bytes) => bytes[0],
  });
  t.same(await numbers.encode(7), Uint8Array.of(7));
  t.equal(await numbers.decode(Uint8Array.of(9)), 9);
  await t.rejects(numbers.encode(1.5), { code: 'MQ_CLIENT_INVALID_VALUE', message: /no integer/ });
});

test('Topic checks nothing without a validator, and refuses a value without a JSON form', async (t) => {
  const any = defineTopic<unknown>({ name: 'Any' });
  t.equal(Buffer.from(await any.encode({ a: [1] })).toString(), '{"a":[1]}');
  await t.rejects(any.encode(undefined), { code: 'MQ_CLIENT_INVALID_VALUE', message: /no JSON form/ });
});

test('Topic refuses a bad name, and two validators', async (t) => {
  t.throws(() => defineTopic({ name: 'no good' }), { code: 'MQ_CLIENT_ARGUMENT' });
  t.throws(() => defineTopic<Order>({ name: 'T', schema, validate: (value) => value as Order }), { code: 'MQ_CLIENT_ARGUMENT' });
});
