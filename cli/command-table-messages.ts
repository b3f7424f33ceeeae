/** The commands that send and show messages. */
import { clusterOptions } from './client-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { PLACE_NEEDS } from './option-value.ts';

export const DELAY_LEVEL_MAX = 18;

export const messageCommands: readonly CommandSpec[] = [
  {
    name: 'send',
    sentence: 'sends messages to a topic',
    operands: [
      { name: 'TOPIC', isRequired: true, completes: 'topic', sentence: 'where to' },
      {
        name: 'BODY',
        isMultiple: true,
        sentence: 'a message each; without one, every line of standard input or of --lines that is not empty is a message',
      },
    ],
    options: [
      { flag: 'file', argument: 'FILE', completes: 'file', isMultiple: true, sentence: 'a file whose bytes are one message' },
      { flag: 'lines', argument: 'FILE', completes: 'file', sentence: 'a file whose lines are messages; - is standard input' },
      { flag: 'tag', short: 't', argument: 'TAG', sentence: 'the tag of each' },
      { flag: 'key', short: 'k', argument: 'KEY', isMultiple: true, sentence: 'a key to find them by' },
      { flag: 'property', short: 'p', argument: 'NAME=VALUE', isMultiple: true, sentence: 'a property of each' },
      {
        flag: 'delay-level',
        short: 'd',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: DELAY_LEVEL_MAX },
        sentence: 'delivered later: 1 is 1 s, 18 is 2 h (as the broker is set)',
      },
      { flag: 'broker', short: 'b', argument: 'NAME', sentence: 'only to this broker' },
      {
        flag: 'queue',
        short: 'q',
        argument: 'N',
        value: { kind: 'integer', min: 0, max: 65_535 },
        sentence: 'only to the queue of this number',
      },
      { flag: 'group', short: 'g', argument: 'NAME', default: 'ringmq-cli', sentence: 'producer group' },
      {
        flag: 'count',
        short: 'c',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 1_000_000_000 },
        default: '1',
        sentence: 'sends each so many times; {n} in the body is its number',
      },
      {
        flag: 'rate',
        short: 'r',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 10_000_000 },
        sentence: 'at most so many messages a second',
      },
      {
        flag: 'in-flight',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 10_000 },
        default: '64',
        sentence: 'unanswered sends at once',
      },
      { flag: 'create', sentence: 'a topic that is not there is made by the first message, if the brokers allow' },
      { flag: 'quiet', sentence: 'only the sum' },
      ...clusterOptions,
    ],
    notes: ['Ends with 1 when a message was refused or not answered in time; all others are sent nevertheless. Ctrl+C ends it in order.'],
    examples: [
      ['ringmq send orders \'{"id":7}\' --key 7 --tag new', 'one message'],
      ['journalctl -f -o json | ringmq send logs', 'a message a line, as they come'],
      ["ringmq send orders 'order {n}' --count 100000 --rate 5000", 'a steady load'],
    ],
    json: {
      what: 'a line a message',
      fields: [
        ['topic', 'where it went'],
        ['status', 'SEND_OK, FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE, or FAILED'],
        ['broker, queueId, queueOffset', 'where it lies; null when it failed'],
        ['msgId, uniqKey', 'the ids by which it is found: the store’s and the client’s'],
        ['error', 'why it failed; null otherwise'],
      ],
    },
  },
  {
    name: 'tail',
    sentence: 'shows messages of a topic as they come',
    operands: [{ name: 'TOPIC', isRequired: true, completes: 'topic', sentence: 'which' }],
    options: [
      { flag: 'from', argument: 'PLACE', default: 'end', sentence: `where to begin: ${PLACE_NEEDS}` },
      { flag: 'tag', short: 't', argument: 'TAGS', default: '*', sentence: 'only these: A or "A || B"' },
      { flag: 'broker', short: 'b', argument: 'NAME', sentence: 'only from this broker' },
      {
        flag: 'queue',
        short: 'q',
        argument: 'N',
        value: { kind: 'integer', min: 0, max: 65_535 },
        sentence: 'only the queue of this number',
      },
      { flag: 'count', short: 'c', argument: 'N', value: { kind: 'integer', min: 1, max: 1_000_000_000 }, sentence: 'ends after so many' },
      { flag: 'no-follow', sentence: 'ends at what was the end when it began' },
      { flag: 'properties', sentence: 'shows all properties of each' },
      ...clusterOptions,
    ],
    notes: [
      'Takes nothing from anybody: it belongs to no consumer group and commits nothing. Ctrl+C ends it with 0.',
      'Compressed bodies are shown inflated; bytes that are no text are shown in hexadecimal, and in JSON as base64.',
    ],
    examples: [
      ['ringmq tail orders', 'what comes from now on'],
      ['ringmq tail orders --from -1h --tag new --json | jq .body', 'the last hour, as JSON'],
      ['ringmq tail %DLQ%billing --from begin --no-follow', 'the dead letters of a group'],
    ],
    json: {
      what: 'a line a message',
      fields: [
        ['topic, broker, queueId, queueOffset', 'where it lies'],
        ['msgId, uniqKey', 'its ids: the store’s and the client’s (null when it has none)'],
        ['tag, keys', 'null, or its tag; a list'],
        ['bornTime, storeTime', 'when the client made it, when the broker stored it: ISO 8601'],
        ['bornHost, reconsumeTimes', 'who sent it; how often it was tried again'],
        ['properties', 'all of them, by name'],
        ['body', 'its text; null when it is no UTF-8'],
        ['bodyBase64', 'its bytes when they are no UTF-8; null otherwise'],
      ],
    },
  },
];
