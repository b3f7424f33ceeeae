/**
 * What `ringmq doctor` makes of what it saw: each check is a pure function of observations to findings. A finding says what is wrong, with which
 * thing, and what to do.
 */
import { counted } from './count-text.ts';
import type { GroupQueue } from './group-view.ts';
import { formatDuration } from './option-value.ts';

export const checkNames = ['name servers', 'brokers', 'clocks', 'disks', 'subscriptions', 'consumers', 'plugins'] as const;
export type CheckName = (typeof checkNames)[number];

export type Finding = { readonly check: CheckName; readonly subject: string; readonly problem: string; readonly remedy: string };

/** One name server; `error` when it did not answer. */
export type NameServerSeen =
  | { readonly address: string; readonly error: string }
  | {
      readonly address: string;
      readonly error: null;
      /** Addresses by `name/id`. */
      readonly brokers: ReadonlyMap<string, string>;
      readonly topics: ReadonlySet<string>;
    };

/** A filter plugin as a broker's metrics tell of it. */
export type PluginSeen = {
  readonly broker: string;
  readonly plugin: string;
  readonly state: string;
  readonly policy: string;
  readonly fault: string;
};

/** Filter plugins that do not judge, or whose last version was refused. */
export function checkPlugins(seen: readonly PluginSeen[]): Finding[] {
  return seen.flatMap(({ broker, plugin, state, policy, fault }): Finding[] => {
    const subject = `${plugin} on ${broker}`;
    const check = 'plugins';
    const effect = policy === 'pass' ? 'what is behind it is given to all' : 'what is behind it is held back';
    if (state === 'running') {
      if (fault === '') return [];
      return [{ check, subject, problem: `its file was refused, the version before goes on: ${fault}`, remedy: 'mend the file' }];
    }
    if (state === 'gone') {
      const remedy = `put its file back, or take the attribute filter.plugin=${plugin} away from topics and groups`;
      return [{ check, subject, problem: 'its file is gone: what is behind it is held back', remedy }];
    }
    if (state === 'loading') return [];
    const remedy = 'mend the file and save it: that has it loaded again';
    return [{ check, subject, problem: `${state}: ${effect}; ${fault}`, remedy }];
  });
}

/** Names that are told in a finding; the rest is counted. */
const NAMES_SHOWN_MAX = 5;

/** Name servers that do not answer, and what some know and others do not. */
export function checkNameServers(seen: readonly NameServerSeen[]): Finding[] {
  const findings: Finding[] = [];
  const check = 'name servers';
  const answering = seen.filter((each) => each.error === null);
  for (const { address, error } of seen) {
    if (error === null) continue;
    findings.push({
      check,
      subject: address,
      problem: `does not answer: ${error}`,
      remedy:
        answering.length > 0
          ? 'start it, or take it out of NAMESRV_ADDR and of the brokers’ namesrvAddr; clients lose time with each try'
          : 'start a name server there, or give the right address with --namesrv-addr or NAMESRV_ADDR',
    });
  }
  const brokers = new Map<string, Map<string, string[]>>();
  const topics = new Map<string, string[]>();
  for (const { address, brokers: known, topics: names } of answering) {
    for (const [name, where] of known) {
      const addresses = brokers.get(name) ?? new Map<string, string[]>();
      addresses.set(where, [...(addresses.get(where) ?? []), address]);
      brokers.set(name, addresses);
    }
    for (const topic of names) topics.set(topic, [...(topics.get(topic) ?? []), address]);
  }
  for (const [name, addresses] of brokers) {
    const knowing = [...addresses.values()].flat();
    const missing = answering.map(({ address }) => address).filter((address) => !knowing.includes(address));
    if (missing.length > 0)
      findings.push({
        check,
        subject: missing.join(', '),
        problem: `does not know broker ${name}, which ${knowing.join(', ')} knows`,
        remedy: 'name all name servers in the broker’s namesrvAddr; a name server that was restarted is told within 30 s',
      });
    if (addresses.size > 1)
      findings.push({
        check,
        subject: name,
        problem: `is registered with different addresses: ${[...addresses].map(([where, by]) => `${where} at ${by.join(', ')}`).join('; ')}`,
        remedy: 'two brokers have this name, or it moved: give each a brokerName of its own, or wait two minutes for the old address to go',
      });
  }
  const partly = new Map<string, string[]>();
  for (const [topic, knowing] of topics) {
    for (const { address } of answering) if (!knowing.includes(address)) partly.set(address, [...(partly.get(address) ?? []), topic]);
  }
  for (const [address, missing] of partly)
    findings.push({
      check,
      subject: address,
      problem: `does not know ${counted(missing.length, 'topic')} that others know: ${shortList(missing.sort())}`,
      remedy:
        'look again in 30 s; when it stays, the brokers that have them do not register with this name server: complete their namesrvAddr',
    });
  return findings;
}

/** A broker's advertised address, tried from here; `error` when it could not be reached. */
export type BrokerSeen = { readonly name: string; readonly id: number; readonly address: string; readonly error: string | null };

export function checkBrokers(seen: readonly BrokerSeen[]): Finding[] {
  return seen.flatMap(({ name, id, address, error }) =>
    error === null
      ? []
      : [
          {
            check: 'brokers',
            subject: `${name}${id === 0 ? '' : ` (replica ${id})`}`,
            problem: `tells clients to use ${address}, which cannot be reached from here: ${error}`,
            remedy: isLocalAddress(address)
              ? 'that address means this machine to every client: set brokerIP1 of the broker (or advertisedListeners of ringmq) to one that clients reach'
              : 'when the broker runs, set its brokerIP1 (ringmq: or advertisedListeners) to an address that clients reach, or open the port; when it does not, start it',
          },
        ],
  );
}

function isLocalAddress(address: string): boolean {
  return /^(127\.|0\.0\.0\.0:|localhost:|\[::1?\]:)/.test(address);
}

/** What a broker said of its time, and when it was asked, on this machine's calendar. */
export type ClockSeen = {
  readonly broker: string;
  readonly bootMs: number;
  readonly runtimeSeconds: number;
  readonly askedMs: number;
  readonly answeredMs: number;
};

/** A broker gives whole seconds since its start, so its time is known to a second and the time of the answer. */
export function checkClocks(seen: readonly ClockSeen[], limitMs: number): Finding[] {
  return seen.flatMap(({ broker, bootMs, runtimeSeconds, askedMs, answeredMs }) => {
    const earliest = bootMs + runtimeSeconds * 1000 - answeredMs;
    const latest = bootMs + (runtimeSeconds + 1) * 1000 - askedMs;
    const skewMs = earliest > 0 ? earliest : latest < 0 ? latest : 0;
    if (Math.abs(skewMs) <= limitMs) return [];
    return [
      {
        check: 'clocks',
        subject: broker,
        problem: `its clock is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine’s`,
        remedy: 'let NTP set both clocks: delays, offsets by time, retention and message ids go by them',
      },
    ];
  });
}

/** `[ 1 days, 2 hours, 3 minutes, 4 seconds ]` in seconds; undefined when it is no such text. */
export function parseRuntime(text: string | undefined): number | undefined {
  const match = /^\[ (\d+) days, (\d+) hours, (\d+) minutes, (\d+) seconds \]$/.exec(text ?? '');
  if (match === null) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map(Number) as [number, number, number, number];
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** Shares from 0 to 1 by what they are of. */
export type DiskSeen = { readonly broker: string; readonly disks: ReadonlyMap<string, number> };

export function checkDisks(seen: readonly DiskSeen[], limitPercent: number): Finding[] {
  return seen.flatMap(({ broker, disks }) =>
    [...disks]
      .filter(([, ratio]) => ratio * 100 >= limitPercent)
      .map(([what, ratio]) => ({
        check: 'disks' as const,
        subject: broker,
        problem: `the disk of the ${what} is ${Math.floor(ratio * 100)} % full`,
        remedy: 'make room, lower fileReservedTime, or add disk space: full, the broker refuses messages',
      })),
  );
}

/** A group's members; `subscriptions` are texts such as `orders TAG new`, undefined when the member did not say. */
export type GroupMembersSeen = {
  readonly group: string;
  readonly members: readonly { readonly clientId: string; readonly subscriptions: readonly string[] | undefined }[];
};

/** @param told by a broker: members that differ, by group; for groups whose members do not say enough themselves. */
export function checkSubscriptions(seen: readonly GroupMembersSeen[], told: ReadonlyMap<string, readonly string[]> = new Map()): Finding[] {
  const remedy =
    'give all members of a group the same topics and tags, or a group each: queues of what only some subscribe to are not consumed';
  return seen.flatMap(({ group, members }) => {
    const byText = new Map<string, string[]>();
    for (const { clientId, subscriptions } of members) {
      if (subscriptions === undefined) continue;
      const text = [...subscriptions].sort().join(', ') || 'nothing';
      byText.set(text, [...(byText.get(text) ?? []), clientId]);
    }
    if (byText.size < 2) {
      const differing = told.get(group);
      if (differing === undefined) return [];
      const problem = `the broker says that some of its members subscribe to something else than the others: ${shortList(differing)}`;
      return [{ check: 'subscriptions' as const, subject: group, problem, remedy }];
    }
    const parties = [...byText].map(([text, clients]) => `${shortList(clients)} to ${text}`).join('; ');
    return [
      {
        check: 'subscriptions' as const,
        subject: group,
        problem: `its members subscribe differently: ${parties}`,
        remedy:
          'give all members of a group the same topics and tags, or a group each: queues of what only some subscribe to are not consumed',
      },
    ];
  });
}

/** A group of which members are on line, looked at twice; offsets of queues by both looks. */
export type GroupProgressSeen = {
  readonly group: string;
  readonly members: readonly string[];
  readonly before: readonly GroupQueue[];
  readonly after: readonly GroupQueue[];
  /** When the newest message of a queue was stored, by `topic/broker/queueId`; what is not there is unknown. */
  readonly newestMs: ReadonlyMap<string, number>;
};

/** A message that waits this long although members are on line and nothing moves is stuck. */
const WAITING_MS_MAX = 60_000;

/** Queues whose offset stands while messages wait: more came meanwhile, or the newest has waited long. */
export function checkConsumers(seen: readonly GroupProgressSeen[], watchMs: number, nowMs: number): Finding[] {
  const findings: Finding[] = [];
  for (const { group, members, before, after, newestMs } of seen) {
    const earlier = new Map(before.map((queue) => [queueName(queue), queue]));
    const stuck = new Map<string, { queues: number; lag: number; grown: number }>();
    for (const queue of after) {
      const then = earlier.get(queueName(queue));
      if (then === undefined || queue.lag === 0 || queue.consumerOffset !== then.consumerOffset || then.lag === 0) continue;
      const grown = queue.brokerOffset - then.brokerOffset;
      const newest = newestMs.get(queueName(queue));
      if (grown <= 0 && (newest === undefined || nowMs - newest < WAITING_MS_MAX)) continue;
      const sum = stuck.get(queue.topic) ?? { queues: 0, lag: 0, grown: 0 };
      stuck.set(queue.topic, { queues: sum.queues + 1, lag: sum.lag + queue.lag, grown: sum.grown + grown });
    }
    for (const [topic, { queues, lag, grown }] of stuck)
      findings.push({
        check: 'consumers',
        subject: group,
        problem:
          `stands still in ${counted(queues, 'queue')} of ${topic}: ${counted(lag, 'message')} ${lag === 1 ? 'waits' : 'wait'}` +
          `${grown > 0 ? `, ${grown} more than ${formatDuration(watchMs)} ago` : ' for more than a minute'}`,
        remedy: `look what its members do (${shortList(members)}): a handler that hangs, a message that fails for ever, or a member that subscribes to other topics`,
      });
  }
  return findings;
}

export function queueName({ topic, broker, queueId }: Pick<GroupQueue, 'topic' | 'broker' | 'queueId'>): string {
  return `${topic}/${broker}/${queueId}`;
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  return names.length > NAMES_SHOWN_MAX ? `${shown} and ${names.length - NAMES_SHOWN_MAX} more` : shown;
}
