import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { type CommandFields, decodeCommand, type ExtFields, encodeCommand } from '../../../../protocol/remoting/command.ts';
import { FieldError } from '../../../../protocol/remoting/errors.ts';
import { decodeRegisterBrokerRequest } from '../../../../protocol/remoting/requests/register-broker.ts';
import { decodeSendMessageRequest, encodeSendMessageRequest } from '../../../../protocol/remoting/requests/send-message.ts';
import { decodeUpdateAndCreateTopicRequest } from '../../../../protocol/remoting/requests/update-and-create-topic.ts';

type Decode = (ext: ReadonlyMap<string, string>) => Record<string, unknown>;
type Encode = (fields: Record<string, unknown>, code?: number) => ExtFields;

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', 'protocol', 'remoting', 'requests');

/** Every field is there, with this value. */
class Everything extends Map<string, string> {
  readonly asked: string[] = [];
  readonly #value: string;

  constructor(value: string) {
    super();
    this.#value = value;
  }

  override get(name: string): string {
    this.asked.push(name);
    return this.#value;
  }
}

/** The header fields as they arrive after the wire, in the form of that serialization. */
function travelled(ext: ExtFields, serializeType: NonNullable<CommandFields['serializeType']>): Map<string, string> {
  const frame = encodeCommand({ code: 1, opaque: 1, ext, serializeType });
  return decodeCommand(frame, 0, frame.length).ext;
}

for (const file of readdirSync(FOLDER).sort()) {
  test(`${file}: what is encoded is decoded, in both header forms; nothing, text or too much is a FieldError`, async (t) => {
    const module = (await import(pathToFileURL(join(FOLDER, file)).href)) as Record<string, unknown>;
    const decoders = Object.keys(module).filter((name) => name.startsWith('decode'));
    t.ok(decoders.length > 0, 'it decodes something');
    for (const name of decoders) {
      const decode = module[name] as Decode;
      const encode = module[name.replace('decode', 'encode')] as Encode;
      const first = decode(new Everything('12'));
      for (const serializeType of [0, 1] as const) t.same(decode(travelled(encode(first), serializeType)), first, name);
      const asked = new Everything('x');
      let isMalformed = false;
      try {
        decode(asked);
      } catch (error) {
        t.type(error, FieldError);
        isMalformed = true;
        t.match((error as Error).message, (error as FieldError).field);
      }
      t.equal(
        isMalformed,
        Object.values(first).some((value) => typeof value === 'number'),
        `${name}: a text is no number`,
      );
      const required = new Everything('1');
      decode(required);
      for (const field of new Set(required.asked)) {
        const ext = new Map(required.asked.map((other) => [other, '1']));
        ext.delete(field);
        try {
          const value = decode(ext)[field];
          t.ok(value === null || typeof value === 'boolean' || typeof value === 'number', `${name}: ${field} need not be there`);
        } catch (error) {
          t.equal((error as FieldError).field, field);
        }
      }
    }
  });
}

test('decodeUpdateAndCreateTopicRequest takes what mqadmin sends', async (t) => {
  const ext = {
    topic: 'T',
    defaultTopic: 'TBW102',
    readQueueNums: '8',
    writeQueueNums: '8',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
    attributes: '+message.type=NORMAL',
  };
  t.match(decodeUpdateAndCreateTopicRequest(new Map(Object.entries(ext))), {
    topic: 'T',
    readQueueNums: 8,
    perm: 6,
    order: false,
    force: null,
    attributes: '+message.type=NORMAL',
  });
  t.throws(() => decodeUpdateAndCreateTopicRequest(new Map([['topic', 'T']])), {
    name: 'FieldError',
    field: 'defaultTopic',
    message: 'The header field defaultTopic is missing; send it',
  });
});

test('decodeRegisterBrokerRequest has the defaults of older brokers', async (t) => {
  const ext = new Map(Object.entries({ brokerName: 'b', brokerAddr: '1.1.1.1:1', clusterName: 'c', haServerAddr: 'h', brokerId: '0' }));
  t.match(decodeRegisterBrokerRequest(ext), { compressed: false, bodyCrc32: 0, heartbeatTimeoutMillis: null, enableActingMaster: null });
});

test('encodeSendMessageRequest spells the fields as the code wants them, and both spellings are read', async (t) => {
  const request = {
    producerGroup: 'G',
    topic: 'T',
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: 4,
    queueId: -1,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    flag: 0,
    properties: 'a\u0001b\u0002',
    reconsumeTimes: 0,
    unitMode: false,
    maxReconsumeTimes: null,
    batch: true,
  };
  for (const code of [10, 324, 310, 320, 325]) {
    const ext = travelled(encodeSendMessageRequest(request, code), 0);
    t.equal(ext.has('topic'), code === 10 || code === 324, `code ${code}`);
    t.equal(ext.has('b'), code !== 10 && code !== 324);
    t.same(decodeSendMessageRequest(ext), request);
  }
});
