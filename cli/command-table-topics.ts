/** The commands about topics. */
import { brokerOption, clusterOptions, filterOption, namesOption, QUEUES_MAX, yesOption } from './client-options.ts';
import type { CommandSpec, OptionSpec } from './command-spec.ts';

const topicOperand = { name: 'TOPIC', isRequired: true, completes: 'topic', sentence: 'its name' } as const;

const queues = (flag: string, sentence: string, more: Partial<OptionSpec> = {}): OptionSpec => ({
  flag,
  argument: 'N',
  value: { kind: 'integer', min: 1, max: QUEUES_MAX },
  sentence,
  ...more,
});

const settings: readonly OptionSpec[] = [
  queues('queues', 'queues on each broker', { short: 'q' }),
  queues('read-queues', 'queues that are read, when not as many as are written'),
  queues('write-queues', 'queues that are written'),
  { flag: 'perm', argument: 'PERM', value: { kind: 'choice', values: ['rw', 'r', 'w', 'none'] }, sentence: 'who may: rw, r, w or none' },
  { flag: 'order', argument: 'yes|no', value: { kind: 'choice', values: ['yes', 'no'] }, sentence: 'an ordered topic' },
  { flag: 'attribute', short: 'a', argument: '+KEY=VALUE', isMultiple: true, sentence: 'sets an attribute; -KEY removes one' },
];

const topicFields: readonly (readonly [string, string])[] = [
  ['topic', 'its name'],
  ['brokers', 'a list of {broker, readQueues, writeQueues, perm, order, attributes}'],
];

export const topicCommands: readonly CommandSpec[] = [
  {
    name: 'topics list',
    isDefault: true,
    sentence: 'the topics, with their queues and permissions',
    operands: [],
    options: [
      { flag: 'all', short: 'a', sentence: 'system, retry and dead-letter topics too' },
      filterOption,
      namesOption,
      brokerOption,
      ...clusterOptions,
    ],
    json: { what: 'a list', fields: topicFields },
  },
  {
    name: 'topics show',
    sentence: 'the queues of a topic and their offsets',
    operands: [topicOperand],
    options: clusterOptions,
    json: {
      what: 'an object',
      fields: [
        ...topicFields,
        ['messages', 'how many are stored'],
        ['queues', 'a list of {broker, queueId, minOffset, maxOffset, lastUpdate (ISO 8601 or null)}'],
        ['groups', 'consumer groups that have read it'],
      ],
    },
  },
  {
    name: 'topics create',
    sentence: 'makes a topic',
    operands: [topicOperand],
    options: [...settings, brokerOption, ...clusterOptions],
    notes: ['8 queues for reading and writing unless told otherwise. Refused when the topic is there already.'],
    examples: [
      ['ringmq topics create orders --queues 16', 'on every broker'],
      ['ringmq topics create audit --broker broker-a --attribute +message.type=FIFO', 'on one, for messages in order'],
    ],
    json: { what: 'an object', fields: topicFields },
  },
  {
    name: 'topics change',
    sentence: 'changes settings of a topic; what is not named stays',
    operands: [topicOperand],
    options: [...settings, brokerOption, ...clusterOptions],
    notes: [
      'To have fewer queues without losing a message: lower --write-queues, wait until the others are read, then lower --read-queues.',
    ],
    json: { what: 'an object', fields: topicFields },
  },
  {
    name: 'topics delete',
    sentence: 'deletes a topic with its messages, everywhere',
    operands: [topicOperand],
    options: [yesOption, ...clusterOptions],
    notes: ['Asks for the name again; --yes does without, and must be there when standard input is no terminal.'],
    json: {
      what: 'an object',
      fields: [
        ['topic', 'its name'],
        ['brokers', 'the brokers that it was deleted on'],
      ],
    },
  },
];
