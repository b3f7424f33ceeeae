/** The commands that watch, measure and examine a cluster. */
import { clusterOptions, filterOption, metricsOption } from './client-options.ts';
import type { CommandSpec } from './command-spec.ts';

export const watchCommands: readonly CommandSpec[] = [
  {
    name: 'top',
    sentence: 'what happens now: rates of topics and groups, lag, busy threads',
    operands: [],
    options: [
      {
        flag: 'interval',
        short: 'i',
        argument: 'TIME',
        value: { kind: 'duration', minMs: 200, maxMs: 3_600_000 },
        default: '1s',
        sentence: 'time between two looks',
      },
      { flag: 'count', short: 'c', argument: 'N', value: { kind: 'integer', min: 1, max: 1_000_000_000 }, sentence: 'ends after so many' },
      {
        flag: 'limit',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 1000 },
        default: '50',
        sentence: 'looks at so many topics and groups',
      },
      filterOption,
      metricsOption,
      ...clusterOptions,
    ],
    notes: [
      'Redraws the terminal; when standard output is none, or with --json, it prints a JSON object a look. Ctrl+C ends it with 0.',
      'Works with Java brokers too: rates come from offsets. The busy share of threads is known of ringmq brokers only, from /metrics.',
    ],
    json: {
      what: 'a line a look; rates are per second since the look before, null in the first',
      fields: [
        ['time', 'ISO 8601'],
        ['brokers', 'a list of {broker, address, version, inRate, outRate, diskRatio}'],
        ['topics', 'a list of {topic, rate, messages}'],
        ['groups', 'a list of {group, topic, rate, lag, members}'],
        ['threads', 'a list of {address, thread, busyShare (0 to 1), mailboxDepth}'],
        ['notShown', '{topics, groups}: how many were left out by --limit'],
      ],
    },
  },
  {
    name: 'bench',
    sentence: 'a quick load: messages a second, latency, and whether any were lost',
    operands: [],
    options: [
      {
        flag: 'topic',
        argument: 'TOPIC',
        completes: 'topic',
        sentence: 'an existing topic; a temporary one is made, and deleted, when absent',
      },
      {
        flag: 'queues',
        short: 'q',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 256 },
        default: '8',
        sentence: 'queues of the temporary topic on each broker',
      },
      {
        flag: 'count',
        short: 'c',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 10_000_000 },
        default: '100000',
        sentence: 'messages',
      },
      {
        flag: 'size',
        short: 's',
        argument: 'BYTES',
        value: { kind: 'integer', min: 16, max: 4_000_000 },
        default: '1024',
        sentence: 'size of a body',
      },
      {
        flag: 'in-flight',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 10_000 },
        default: '128',
        sentence: 'unanswered sends at once',
      },
      {
        flag: 'rate',
        short: 'r',
        argument: 'N',
        value: { kind: 'integer', min: 1, max: 10_000_000 },
        sentence: 'at most so many a second; as many as possible when absent',
      },
      { flag: 'no-consume', sentence: 'sends only; then loss is not checked' },
      ...clusterOptions,
    ],
    notes: [
      'Sends and consumes at once, from one thread: a small machine measures the command as much as the broker. Ends with 1 when a message was lost or refused.',
    ],
    examples: [
      ['ringmq bench', '100,000 messages of 1 KiB'],
      ['ringmq bench --in-flight 1 --count 5000', 'latency of one after the other'],
      ['ringmq bench --rate 2000 --count 60000', 'latency at a steady load'],
    ],
    json: {
      what: 'an object; times in milliseconds',
      fields: [
        ['topic, messages, bodyBytes, inFlight', 'what was done'],
        ['sent, failed, sendSeconds, sendRate', 'acknowledged, refused, how long, messages a second'],
        [
          'sendLatency, endToEndLatency',
          '{p50, p90, p99, p999, max}; the latter from the send to the message in hand, null without consuming',
        ],
        ['received, consumeRate, lost, duplicates, outOfOrder', 'null without consuming'],
      ],
    },
  },
  {
    name: 'doctor',
    sentence: 'looks for what is wrong, and says what to do',
    operands: [],
    options: [
      {
        flag: 'watch',
        argument: 'TIME',
        value: { kind: 'duration', minMs: 100, maxMs: 600_000 },
        default: '12s',
        sentence: 'time between two looks at the offsets of groups; members commit every 5 s',
      },
      {
        flag: 'disk',
        argument: 'PERCENT',
        value: { kind: 'integer', min: 1, max: 100 },
        default: '80',
        sentence: 'a disk is nearly full from here on',
      },
      {
        flag: 'skew',
        argument: 'TIME',
        value: { kind: 'duration', minMs: 2000, maxMs: 3_600_000 },
        default: '5s',
        sentence: 'clocks may differ by this',
      },
      metricsOption,
      ...clusterOptions,
    ],
    notes: [
      'Finds: name servers that are unreachable or differ; brokers whose advertised address cannot be reached from here; clocks that differ; members of a group with ' +
        'different subscriptions; consumers that are stuck; disks that are nearly full. Changes nothing. Ends with 1 when it found something.',
      'Members are asked what they subscribe to; of those that do not tell, a ringmq broker’s /metrics does.',
    ],
    json: {
      what: 'an object',
      fields: [
        ['healthy', 'whether nothing was found'],
        ['findings', 'a list of {check, subject, problem, remedy}'],
        ['checks', 'a list of {check, looked (how many things), skipped (why it could not look; null)}'],
      ],
    },
  },
];
