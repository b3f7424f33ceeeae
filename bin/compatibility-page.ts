/** Renders docs/compatibility.md: which request codes are served, from the tables that serve them, and which commands of mqadmin work. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADMIN_COMMANDS } from './admin-commands.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

type ServedCode = { readonly number: number; readonly name: string; readonly rooms: string };

/** The codes of all requests that are served, in order. */
export function servedCodes(): number[] {
  return servedRequests().map(({ number }) => number);
}

function servedRequests(): ServedCode[] {
  const numbers = new Map<string, number>();
  for (const [, name, number] of read('protocol/remoting/request-code.ts').matchAll(/export const ([A-Z_0-9]+) = ([\d_]+);/g))
    numbers.set(name!, Number(number!.replaceAll('_', '')));

  const served = new Map<string, Set<string>>();
  const add = (name: string, room: string): void => {
    if (!numbers.has(name)) return;
    served.set(name, (served.get(name) ?? new Set()).add(room));
  };
  for (const room of readdirSync(join(root, 'actors'))) {
    for (const file of readdirSync(join(root, 'actors', room)).filter((each) => each.endsWith('-handlers.ts'))) {
      for (const [, name] of read(`actors/${room}/${file}`).matchAll(/\[\s*([A-Z_0-9]+),/g)) add(name!, room);
    }
  }
  for (const [, name] of read('actors/gateway/remoting-gateway.ts').matchAll(/case ([A-Z_0-9]+):/g))
    add(name!, name!.includes('PULL') ? 'pull' : 'send');

  return [...served.entries()]
    .map(([name, rooms]) => ({ name, number: numbers.get(name)!, rooms: [...rooms].sort().join(', ') }))
    .sort((a, b) => a.number - b.number);
}

export function renderCompatibilityPage(): string {
  return `# Compatibility

<!-- The table is written by \`npm run docs\` from the handlers: change those. -->

Clients that are run against each change, unmodified: Java \`rocketmq-client\` 4.9.8 and 5.3.3, Go \`rocketmq-client-go\` v2.1.2, Node.js \`ali-ons\` 3.12.0, and
\`mqadmin\` 5.5.0. Brokers and name servers of RocketMQ 4.9 and 5 can be mixed with ours: a Java broker registers with our name server, our broker with a Java
name server. Both header encodings (JSON and binary) are answered in kind. Store directories are exchanged with RocketMQ 5.

A request code that is not in this table is answered \`REQUEST_CODE_NOT_SUPPORTED\` (3) at once.

| code | request | served by |
| ---: | --- | --- |
${servedRequests()
  .map(({ number, name, rooms }) => `| ${number} | \`${name}\` | ${rooms} |`)
  .join('\n')}

## mqadmin

The ${ADMIN_COMMANDS.length} commands of \`mqadmin\` 5.5.0. What works was recorded against a Java broker and its requests are replayed against ours; what does not is answered
\`REQUEST_CODE_NOT_SUPPORTED\` at once.

| command | what it does | state |
| --- | --- | --- |
${ADMIN_COMMANDS.map(({ name, what, unsupported }) => `| \`${name}\` | ${what} | ${unsupported === undefined ? 'works' : `not supported: ${unsupported}`} |`).join('\n')}

## Known differences

- The broker listens on loopback unless told otherwise ([configuration](configuration.md)).
- A pull answers what the client asks for, up to \`maxTransferBytesOnMessageInMemory\` (4 MiB here, and no limit of 32 messages).
- Filter plugins are ours alone ([plugins](plugins.md)): the attribute \`filter.plugin\` of topics and groups, and the expression type \`PLUGIN\`, which the Java broker refuses.
- Pulls and pops by tag give messages of these tags alone: the broker compares the tags themselves where their hashes are equal, which the Java broker leaves to clients.
- A query by key answers messages of its topic alone, with the window of time to the millisecond, at once after the acknowledgement. Tags are
  not in the index: a query by tag (index type \`T\`, from 5.5 on) finds nothing and says so.
- Pulls that wait when the broker is stopped in order are answered (14), and their clients pull again after three seconds. A Java broker closes their connections only, and
  clients of 4.x consume nothing of these queues for half a minute; so they do after a \`kill -9\` of any broker.
- A commit beyond a queue's end is refused (29) and changes nothing: a Java broker takes it, and the group jumps over what is still to come. Stock clients
  commit only what they have read.
- A group that has committed nothing begins at a queue's first message while the queue has all of them, wherever its consumers say, and where they say when the first have been
  removed. A Java broker answers so of a first message that it has in memory; it says of an empty queue, and of an old first message, that there is no offset (22), from 5.0 on.
- \`message.type\` of a topic is kept and shown; as with a Java broker, sends over remoting are not compared with it (its proxy does that). Of the other
  attributes \`queue.type\` can be \`SimpleCQ\` and \`cleanup.policy\` \`DELETE\`; \`PRIORITY\` and \`LITE\` topics are not there.
- Broadcast offsets are kept by the clients, as stock remoting clients do. \`enableBroadcastOffsetStore\` has no effect: it serves consumers of a proxy.
- A name space in front of names is part of them. One that goes beside them (\`namespaceV2\`) is passed over, as a Java broker does: it parts nothing.
- Clients over Go leave no traces before the trace topic is there: start with \`traceTopicEnable=true\`, or send one message to it.
- Locks of queues that are consumed in order outlive a restart (\`queueLocks.json\`; a Java broker forgets them and may give a queue to a second client
  while the first still works on it). They are free at once when the client unlocks them or its connection closes; after a restart
  when for ten seconds nobody renews them or commits the queue's offset (stock clients do every five seconds), else half a minute after it at the latest; who was refused one
  is told when it is free.
- Request and reply: a reply is pushed and stored at the same time, not one after the other; a stored reply keeps the flags of its compression; an
  empty one is pushed (a Java broker fails); a client that has come back over another connection is found; a reply over \`maxMessageSize\` is refused before it is pushed. Clients of 5.0 to 5.3 report a time-out of \`request(message, timeout)\` as soon as the
  request is sent, with any broker: ask by a selector and a callback there.
- A message id that points to no message's beginning finds nothing (the Java broker may answer what lies there).
- SQL92 subscriptions are on unless \`enablePropertyFilter\` is switched off; verdicts are those of rocketmq-filter 5.3.3, but digits of other scripts than ASCII are no numbers.
- A half message ends once. Where the Java broker stores a message a second time for a second commit, or for a commit after a rollback, the same word once
  more is answered 0 and does nothing, another one is refused (1). One that was given up is refused (604) until request 323 has resumed it; 323 takes
  half messages that were given up and nothing else, each once, over restarts too: a message with the tag \`RESUMED\` in \`TRANS_CHECK_MAX_TIME_TOPIC\`
  says which have been (a Java broker resumes what lies there as often as it is asked, and so delivers it again). It may be ended by any place that it has had since its producer was first asked.
- The age of a half message is that by the broker's clock, not by its producer's. END_TRANSACTION (37) with "not known" is answered 0, when it is not one-way.
  One that names another message, by \`transactionId\` and \`msgId\`, than the one that lies at its two places is refused with 1; a Java broker ends that one.
  A half message may have a delay level, which counts from its commit on, but no time of its own (\`TIMER_\`): that is refused (13).
- Half messages that were stored again carry \`TRAN_ORIGIN_QUEUE_OFFSET\`, a property of ours; a Java broker on the same store goes on with them, and passes it on.
  On a store with open half messages each of the two asks about those that are open and about no others, whichever of them stored or ended them.
  A Java broker writes ends down up to three seconds late (\`transactionOpBatchInterval\`). What it checks in between it stores once more and asks about again and again, also
  when ringmq has the store: such a copy is an open half message like others.
- Op records carry \`TRAN_RECORDS_BEFORE\`, a property of ours: with how many records, the committed messages among them, they went to the log in one piece. A start after a power cut that tore one of these
  does not count the op record, so that no half message is ended without its message; a Java broker passes over the property.
- Pops: what is in flight is kept by the broker that gave it out and in its log (\`rmq_sys_REVIVE_LOG_<cluster>\`, in records of our own), not in timers: a
  message comes again within 200 ms of its invisible time, also after a crash (from a Java broker, three seconds after it). A Java broker started on the same store afterwards does not know what was in
  flight, and the other way round: let pops be acknowledged first. A receipt that is over is answered \`NO_MESSAGE\` (208), one of another broker, queue or
  message \`MESSAGE_ILLEGAL\` (13); the Java broker says yes to them. After \`retryMaxTimes\` deliveries more than the first a message that is not acknowledged goes to the group's dead letters (the
  Java broker leaves that to its proxy). The committed offset of a group follows the first message that is not done (Java: the last one given out). In an
  ordered pop only what is not acknowledged comes again. A commit of a lower offset counts once nothing is in flight (Java gives out again what is). What is popped while the log takes
  nothing (a full disk) is given out all the same, and comes again at once should the broker fail meanwhile.
- Timed messages come at their millisecond (Java: up to two seconds later), up to \`timerMaxDelaySec\`, ten years here; they are delivered with the properties that Java leaves on them. Of a crash
  those that were delivered since the last save (\`timerFlushIntervalMs\`, a second) come again. A handle to take a message back comes with each timed send (\`recallMessageEnable\` is on); a word that takes messages
  back means messages of the topic that it was sent to, and of no other. A recall that is answered 0 holds, over crashes too; one that is stored so late that the message may
  have gone out is answered 2 (Java: 0). A time that is no number, or does not fit 64 bits in ms, is refused (Java delivers some at once); so are sends to \`rmq_sys_wheel_timer\`
  itself, which stop a Java broker's wheel. A clock that is set forward makes timed messages due; one that is set back makes them wait for the time that it tells then.
- The wheel's files are not Java's (\`timerwheel\`, \`timerlog\`). Timed messages that wait in a Java broker's store are taken over when it is opened here; a Java broker on a store of ours reads them all from the queue, and
  delivers those again that the queue still has. A timed message whose record retention removes by force, on a full disk, is lost and told, as in Java.
- A failed sync, rename or truncate of the store ends the broker with exit code 70, and nothing is acknowledged after it ([durability](durability.md)); the Java
  broker tries again. While the disk is nearly full it is looked at twice a second (Java: every ten seconds); \`deleteExpiredCommitLog\` counts for twenty looks, a second apart.
- Replication and access control are not there yet: what asks for them is refused, not ignored.
`;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
