import { test } from 'tap';
import { decodeCommand, encodeCommand, encodeResponse, peekHeader } from '../../../protocol/remoting/command.ts';
import { FrameError } from '../../../protocol/remoting/errors.ts';
import { jsonFrame } from './frames.ts';

/** Made with the official 5.3.3 Java library. */
const ROUTE_JSON =
  '00000087000000837b22636f6465223a3130352c226578744669656c6473223a7b22746f706963223a22546f70696354657374227d2c22666c6167223a302c226c616e6775616765223a224a415641222c226f7061717565223a372c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c2276657273696f6e223a3437397d';
const NO_ROUTE_JSON =
  '00000079000000747b22636f6465223a31372c22666c6167223a312c226c616e6775616765223a224a415641222c226f7061717565223a372c2272656d61726b223a226e6f20726f757465222c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c2276657273696f6e223a3437397d78';
const ROUTE_BINARY = '0000002d0100002900690001df000000070000000000000000000000140005746f70696300000009546f70696354657374';
const NO_ROUTE_BINARY = '000000220100001d00110001df0000000700000001000000086e6f20726f7574650000000078';
const SENT_BINARY =
  '000000650100006100000001df0000000800000001000000000000004c000771756575654964000000013300056d73674964000000203041303030303038303030303239463030303030303131463731464230344342000b71756575654f6666736574000000023432';

function hex(text: string): Uint8Array {
  return Buffer.from(text, 'hex');
}

function decoded(text: string): ReturnType<typeof decodeCommand> {
  const bytes = hex(text);
  return decodeCommand(bytes, 0, bytes.length);
}

test('decodeCommand reads what Java wrote, in both forms', async (t) => {
  for (const frame of [ROUTE_JSON, ROUTE_BINARY]) {
    const command = decoded(frame);
    t.equal(command.code, 105);
    t.equal(command.opaque, 7);
    t.equal(command.version, 479);
    t.equal(command.flag, 0);
    t.equal(command.language, 'JAVA');
    t.equal(command.remark, null);
    t.same([...command.ext], [['topic', 'TopicTest']]);
    t.equal(command.body.length, 0);
  }
  for (const frame of [NO_ROUTE_JSON, NO_ROUTE_BINARY]) {
    const command = decoded(frame);
    t.equal(command.code, 17);
    t.equal(command.flag, 1);
    t.equal(command.remark, 'no route');
    t.equal(command.ext.size, 0);
    t.equal(Buffer.from(command.body).toString(), 'x');
  }
  t.same(
    [...decoded(SENT_BINARY).ext],
    [
      ['queueId', '3'],
      ['msgId', '0A000008000029F00000011F71FB04CB'],
      ['queueOffset', '42'],
    ],
  );
});

test('encodeCommand writes the very bytes that Java writes, in both forms', async (t) => {
  for (const frame of [ROUTE_JSON, NO_ROUTE_JSON, ROUTE_BINARY, NO_ROUTE_BINARY, SENT_BINARY]) {
    t.equal(Buffer.from(encodeCommand(decoded(frame))).toString('hex'), frame);
  }
});

test('encodeCommand sends a code beyond 16 bits in JSON, whatever was asked', async (t) => {
  const frame = encodeCommand({ code: 200_050, opaque: 1, serializeType: 1 });
  t.equal(frame[4], 0);
  t.equal(decodeCommand(frame, 0, frame.length).code, 200_050);
});

test('encodeResponse answers with the opaque and in the form of the request, leaving null fields out', async (t) => {
  for (const text of [ROUTE_JSON, ROUTE_BINARY]) {
    const request = decoded(text);
    const frame = encodeResponse(request, 0, null, { offset: 9, topic: null, isOrder: false }, hex('0102'));
    const answer = decodeCommand(frame, 0, frame.length);
    t.equal(answer.opaque, 7);
    t.equal(answer.flag, 1);
    t.equal(answer.serializeType, request.serializeType);
    t.same(
      [...answer.ext],
      [
        ['offset', '9'],
        ['isOrder', 'false'],
      ],
    );
    t.same([...answer.body], [1, 2]);
  }
});

test('decodeCommand takes numbers, booleans and null as header fields, and keeps every digit', async (t) => {
  const frame = jsonFrame(
    '{"code":310,"language":"NODE","opaque":-3,"version":121,"extFields":{"e":0,"k":false,"g":9223372036854775807,"i":null,"x":1.5,"__proto__":"p"}}',
  );
  const command = decodeCommand(frame, 0, frame.length);
  t.same(
    [...command.ext].sort(),
    [
      ['__proto__', 'p'],
      ['e', '0'],
      ['g', '9223372036854775807'],
      ['k', 'false'],
      ['x', '1.5'],
    ],
    'and a field named __proto__ is a field like others',
  );
  t.equal(command.language, 'OTHER', 'a language that nobody knows');
  t.equal(command.opaque, -3);
});

test('peekHeader finds the code wherever it stands', async (t) => {
  for (const text of [ROUTE_JSON, ROUTE_BINARY]) t.equal(peekHeader(hex(text), 0, text.length / 2), 105);
  const table: [string, number][] = [
    ['{"extFields":{"code":"5","a":"\\"code\\":6"},"remark":"x,\\"code\\":7","code":310}', 310],
    ['{"extFields":{"a":[1,{"code":3}]},"code":11}', 11],
    ['{"code":"10"}', -1],
    ['{"code" : 10}', -1],
    ['{"code":10', -1],
    ['{}', -1],
    ['', -1],
    ['{"code":99999999999}', -1],
  ];
  for (const [header, code] of table) {
    const frame = jsonFrame(header);
    t.equal(peekHeader(frame, 0, frame.length), code, header);
  }
});

test('decodeCommand refuses what is no header', async (t) => {
  const table = [
    '',
    '[]',
    'null',
    '{"code":1.5}',
    '{"code":"x"}',
    '{"opaque":4294967296}',
    '{"extFields":[1]}',
    '{"extFields":"a"}',
    '{"code":1',
    '\u0000',
  ];
  for (const header of table) {
    const frame = jsonFrame(header);
    t.throws(() => decodeCommand(frame, 0, frame.length), FrameError, header);
  }
  const many = jsonFrame(JSON.stringify({ extFields: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`k${index}`, 'v'])) }));
  t.throws(() => decodeCommand(many, 0, many.length), /257 header fields; 256 are allowed/);
  for (let cut = 0; cut < ROUTE_BINARY.length / 2; cut++) {
    t.throws(() => decodeCommand(hex(ROUTE_BINARY), 0, cut), FrameError, `cut after ${cut} bytes`);
  }
});
