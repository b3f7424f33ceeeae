/** The commands about consumer groups. */
import { clusterOptions, filterOption, namesOption, yesOption } from './client-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { PLACE_NEEDS } from './option-value.ts';

const groupOperand = { name: 'GROUP', isRequired: true, completes: 'group', sentence: 'its name' } as const;

const stateFields: readonly (readonly [string, string])[] = [
  ['group', 'its name'],
  ['brokers', 'the brokers that did it'],
  ['consumeEnabled', 'whether it may consume now'],
];

export const groupCommands: readonly CommandSpec[] = [
  {
    name: 'groups list',
    isDefault: true,
    sentence: 'the consumer groups, with members and lag',
    operands: [],
    options: [{ flag: 'all', short: 'a', sentence: 'system groups too' }, filterOption, namesOption, ...clusterOptions],
    json: {
      what: 'a list',
      fields: [
        ['group', 'its name'],
        ['members', 'members on line'],
        ['model', 'CLUSTERING or BROADCASTING; null when nobody is on line'],
        ['topics', 'what it has read or reads'],
        ['lag', 'messages that it has not consumed'],
        ['consumeEnabled', 'false: paused, on one broker at least'],
      ],
    },
  },
  {
    name: 'groups show',
    sentence: 'the lag of a group by queue, and its members',
    operands: [groupOperand],
    options: clusterOptions,
    json: {
      what: 'an object',
      fields: [
        [
          'group, members, model, topics, lag, consumeEnabled',
          'as in the list; members is a list of {clientId, address, language, version}',
        ],
        ['queues', 'a list of {topic, broker, queueId, brokerOffset, consumerOffset, lag, lastConsumed (ISO 8601 or null)}'],
      ],
    },
  },
  {
    name: 'groups members',
    sentence: 'who is on line, with which subscriptions',
    operands: [groupOperand],
    options: clusterOptions,
    json: {
      what: 'an object',
      fields: [
        ['group, model', 'as in the list'],
        ['members', 'a list of {clientId, address, language, version}'],
        ['subscriptions', 'a list of {topic, expression, type}'],
      ],
    },
  },
  {
    name: 'groups reset',
    sentence: 'moves a group to another place in a topic',
    operands: [groupOperand, { name: 'TOPIC', isRequired: true, completes: 'topic', sentence: 'which topic' }],
    options: [
      { flag: 'to', argument: 'PLACE', sentence: `where to: ${PLACE_NEEDS}; an offset needs --broker and --queue` },
      { flag: 'broker', short: 'b', argument: 'NAME', sentence: 'only queues of this broker' },
      {
        flag: 'queue',
        short: 'q',
        argument: 'N',
        value: { kind: 'integer', min: 0, max: 65_535 },
        sentence: 'only the queue of this number',
      },
      { flag: 'dry-run', sentence: 'shows what would be done' },
      yesOption,
      ...clusterOptions,
    ],
    notes: [
      'With members on line the broker tells them, and they go on there after about ten seconds; without, the offsets are stored for the next that comes.',
      'With --broker or --queue only offsets are stored: members on line would overwrite them, so it is refused while there are any.',
    ],
    examples: [
      ['ringmq groups reset billing orders --to -1h', 'consumes the last hour again'],
      ['ringmq groups reset billing orders --to end --yes', 'skips what has piled up'],
    ],
    json: {
      what: 'an object',
      fields: [
        ['group, topic', 'which'],
        ['online', 'whether members were told'],
        ['applied', 'false with --dry-run'],
        ['queues', 'a list of {broker, queueId, from, to}; from is null when it had no offset'],
      ],
    },
  },
  {
    name: 'groups pause',
    sentence: 'stops a group from consuming, on every broker',
    operands: [groupOperand],
    options: clusterOptions,
    json: { what: 'an object', fields: stateFields },
  },
  {
    name: 'groups resume',
    sentence: 'lets a paused group go on',
    operands: [groupOperand],
    options: clusterOptions,
    json: { what: 'an object', fields: stateFields },
  },
  {
    name: 'groups delete',
    sentence: 'deletes a group with its offsets, retry and dead-letter topics',
    operands: [groupOperand],
    options: [yesOption, ...clusterOptions],
    notes: ['Refused while members are on line.'],
    json: {
      what: 'an object',
      fields: [
        ['group', 'its name'],
        ['brokers', 'the brokers that it was deleted on'],
      ],
    },
  },
];
