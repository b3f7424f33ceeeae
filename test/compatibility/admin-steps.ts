/**
 * The runs of stock mqadmin that are recorded and compared, in their order: a later one builds on what an earlier one made. In the
 * arguments `{topic}` and the like stand for what differs from broker to broker (`fillArguments`).
 */
import { CLIENT_ID, GROUP, GROUP_OFFLINE, PRODUCER_GROUP, TOPIC } from '../support/admin-world.ts';

export type AdminStep = {
  readonly command: string;
  /** Without `-n`, which each gets. */
  readonly args: readonly string[];
  /** What the tool reads from a file, in place of `{file}`. */
  readonly file?: string;
  /** A command that does not end by itself is left alone after so long. */
  readonly timeoutMs?: number;
  /** Its output is not compared line by line: figures and settings that are another broker's own. */
  readonly ownOutput?: string;
  /** Other releases of the tool print it otherwise: they are only to succeed. */
  readonly release?: string;
  /** It only looks: what others did just before is seen by everybody some seconds later, so that it may be run again. */
  readonly looks?: boolean;
};

/** What is not the same in the output about another broker, and why that is right. */
export const OUTPUT_MAY_DIFFER: readonly { readonly pattern: RegExp; readonly as: string }[] = [
  // Our remarks name the value and a remedy too.
  { pattern: /(Can not update config in black list).*/g, as: '$1' },
  { pattern: /(unsupported key: )"?(no\.such).*/g, as: '$1$2' },
  { pattern: /value (?:is not in set|"NONE" of message\.type is not one of).*/g, as: 'value is not in set' },
  { pattern: /The specified topic:? "?bad\*name"?,? contains/g, as: 'The specified topic contains' },
  // The tool compares the broker's address with the message's: the relay of the recording had one of its own.
  { pattern: /trackType=(?:NOT_CONSUME_YET|CONSUMED)/g, as: 'trackType=?' },
];

const MADE = 'admin_made';
const CLONED_GROUP = 'admin_cloned_group';
const MADE_GROUP = 'admin_made_group';

const topicList = JSON.stringify([
  { topicName: 'admin_listed_1', readQueueNums: 3, writeQueueNums: 3, perm: 6 },
  { topicName: 'admin_listed_2', readQueueNums: 1, writeQueueNums: 1, perm: 4 },
]);
const groupList = JSON.stringify([{ groupName: 'admin_listed_group_1' }, { groupName: 'admin_listed_group_2', retryMaxTimes: 3 }]);

export const ADMIN_STEPS: readonly AdminStep[] = [
  { command: 'clusterList', args: [], ownOutput: 'rates and the age of the store' },
  { command: 'clusterList', args: ['-m'], ownOutput: 'counts of the broker so far' },
  { command: 'brokerStatus', args: ['-b', '{broker}'], ownOutput: 'figures of the broker' },
  { command: 'brokerStatus', args: ['-c', '{cluster}'], ownOutput: 'figures of the broker' },
  { command: 'getNamesrvConfig', args: [], ownOutput: 'settings of another program' },
  { command: 'updateNamesrvConfig', args: ['-k', 'scanNotActiveBrokerInterval', '-v', '10000'] },
  { command: 'getBrokerConfig', args: ['-b', '{broker}'], ownOutput: 'settings of another program' },
  { command: 'getBrokerConfig', args: ['-c', '{cluster}'], ownOutput: 'settings of another program' },
  { command: 'updateBrokerConfig', args: ['-b', '{broker}', '-k', 'fileReservedTime', '-v', '71'] },
  { command: 'updateBrokerConfig', args: ['-c', '{cluster}', '-k', 'fileReservedTime', '-v', '72'] },
  { command: 'updateBrokerConfig', args: ['-b', '{broker}', '-k', 'brokerConfigPath', '-v', '/tmp/x'] },

  { command: 'updateTopic', args: ['-c', '{cluster}', '-t', MADE, '-r', '4', '-w', '4'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', MADE, '-r', '6', '-w', '5'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'admin_attributes', '-a', '+message.type=FIFO'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'admin_attributes', '-a', '+no.such=1'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'admin_attributes', '-a', '+message.type=NONE'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'admin_attributes', '-a', '-message.type'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'TBW102'] },
  { command: 'updateTopic', args: ['-b', '{broker}', '-t', 'bad*name'] },
  { command: 'updateTopic', args: ['-c', '{cluster}', '-t', 'admin_ordered', '-r', '2', '-w', '2', '-o', 'true'] },
  { command: 'updateTopicList', args: ['-b', '{broker}', '-f', '{file}'], file: topicList },
  { command: 'updateTopicPerm', args: ['-b', '{broker}', '-t', MADE, '-p', '4'] },
  { command: 'updateTopicPerm', args: ['-c', '{cluster}', '-t', MADE, '-p', '6'] },
  { command: 'updateTopicPerm', args: ['-b', '{broker}', '-t', MADE, '-p', '6'] },
  { command: 'topicRoute', args: ['-t', MADE], release: '5.5.0' },
  { command: 'topicRoute', args: ['-t', MADE, '-l'] },
  { command: 'topicRoute', args: ['-t', 'admin_absent'] },
  { command: 'topicStatus', args: ['-t', TOPIC] },
  { command: 'topicStatus', args: ['-t', MADE] },
  { command: 'topicClusterList', args: ['-t', TOPIC] },
  { command: 'topicList', args: [], ownOutput: 'the system topics of another release', looks: true },
  { command: 'topicList', args: ['-c'], ownOutput: 'the system topics of another release', looks: true },
  { command: 'allocateMQ', args: ['-t', TOPIC, '-i', '127.0.0.1,127.0.0.2'] },
  { command: 'updateOrderConf', args: ['-t', MADE, '-m', 'put', '-v', 'broker-a:3'] },
  { command: 'updateOrderConf', args: ['-t', MADE, '-m', 'get'] },
  { command: 'updateOrderConf', args: ['-t', MADE, '-m', 'delete'] },
  { command: 'updateOrderConf', args: ['-t', MADE, '-m', 'get'] },

  { command: 'updateSubGroup', args: ['-c', '{cluster}', '-g', MADE_GROUP, '-r', '5'] },
  { command: 'updateSubGroup', args: ['-b', '{broker}', '-g', MADE_GROUP, '-s', 'false', '-q', '2'] },
  { command: 'updateSubGroupList', args: ['-b', '{broker}', '-f', '{file}'], file: groupList },
  { command: 'getConsumerConfig', args: ['-g', MADE_GROUP] },
  { command: 'setConsumeMode', args: ['-b', '{broker}', '-t', TOPIC, '-g', MADE_GROUP, '-m', 'PULL'] },
  { command: 'consumerConnection', args: ['-g', GROUP] },
  { command: 'consumerConnection', args: ['-g', GROUP_OFFLINE] },
  { command: 'producerConnection', args: ['-g', PRODUCER_GROUP, '-t', TOPIC] },
  { command: 'producer', args: ['-b', '{broker}'] },
  { command: 'consumerProgress', args: ['-g', GROUP], looks: true },
  { command: 'consumerProgress', args: ['-g', GROUP, '-s', 'true'], looks: true },
  { command: 'consumerProgress', args: ['-g', GROUP, '-t', TOPIC], looks: true },
  { command: 'consumerProgress', args: ['-g', GROUP_OFFLINE], looks: true },
  { command: 'consumerProgress', args: [], looks: true },
  { command: 'consumerStatus', args: ['-g', GROUP], ownOutput: 'writes a file named by the time' },
  { command: 'consumerStatus', args: ['-g', GROUP, '-i', CLIENT_ID] },
  { command: 'brokerConsumeStats', args: ['-b', '{broker}'] },
  { command: 'statsAll', args: [], ownOutput: 'counts of the broker so far', looks: true },
  { command: 'statsAll', args: ['-t', TOPIC], looks: true },
  { command: 'updateSubGroup', args: ['-b', '{broker}', '-g', CLONED_GROUP] },
  { command: 'cloneGroupOffset', args: ['-s', GROUP, '-d', CLONED_GROUP, '-t', TOPIC] },

  { command: 'queryMsgById', args: ['-t', TOPIC, '-i', '{offsetMsgId}'], looks: true },
  { command: 'queryMsgById', args: ['-t', TOPIC, '-i', '{offsetMsgId}', '-g', GROUP, '-d', CLIENT_ID], looks: true },
  { command: 'queryMsgById', args: ['-t', TOPIC, '-i', '{wrongMsgId}'], looks: true },
  { command: 'queryMsgByKey', args: ['-t', TOPIC, '-k', 'key-1'], looks: true, release: '5.5.0' },
  { command: 'queryMsgByKey', args: ['-t', TOPIC, '-k', 'no-such-key'], looks: true },
  { command: 'queryMsgByUniqueKey', args: ['-t', TOPIC, '-i', '{uniqueKey}'], looks: true },
  { command: 'queryMsgByUniqueKey', args: ['-t', TOPIC, '-i', '{uniqueKey}', '-a'], looks: true },
  { command: 'queryMsgByOffset', args: ['-t', TOPIC, '-b', 'broker-a', '-i', '0', '-o', '1'], looks: true },
  { command: 'queryMsgTraceById', args: ['-i', '{uniqueKey}'], looks: true },
  { command: 'queryCq', args: ['-b', '{broker}', '-t', TOPIC, '-q', '0', '-i', '0', '-c', '2'] },
  { command: 'queryCq', args: ['-b', '{broker}', '-t', TOPIC, '-q', '0', '-i', '0', '-c', '2', '-g', GROUP], release: '5.5.0' },
  { command: 'printMsg', args: ['-t', TOPIC, '-d', 'true'] },
  { command: 'printMsg', args: ['-t', TOPIC, '-d', 'true', '-s', 'odd'] },
  { command: 'printMsgByQueue', args: ['-t', TOPIC, '-a', 'broker-a', '-i', '0', '-p', 'true', '-d', 'true'] },
  { command: 'consumeMessage', args: ['-t', TOPIC, '-c', '2'], timeoutMs: 60_000 },
  { command: 'consumeMessage', args: ['-t', TOPIC, '-b', 'broker-a', '-i', '0', '-o', '1', '-c', '1', '-g', GROUP_OFFLINE] },
  { command: 'sendMessage', args: ['-t', MADE, '-p', 'by the tool', '-k', 'tool-key', '-c', 'toolTag'] },
  { command: 'sendMessage', args: ['-t', MADE, '-p', 'to a queue', '-b', 'broker-a', '-i', '1'] },
  { command: 'sendMsgStatus', args: ['-b', 'broker-a', '-c', '2', '-s', '16'] },
  { command: 'checkMsgSendRT', args: ['-t', MADE, '-a', '3', '-s', '16'] },
  { command: 'clusterRT', args: ['-a', '2', '-s', '16', '-i', '3600'], timeoutMs: 6_000 },

  { command: 'resetOffsetByTime', args: ['-g', GROUP, '-t', TOPIC, '-s', '0'] },
  { command: 'resetOffsetByTime', args: ['-g', GROUP_OFFLINE, '-t', TOPIC, '-s', '0'] },
  { command: 'resetOffsetByTime', args: ['-g', GROUP_OFFLINE, '-t', TOPIC, '-s', '-1', '-b', '{broker}', '-q', '0', '-o', '2'] },
  { command: 'skipAccumulatedMessage', args: ['-g', GROUP, '-t', TOPIC] },

  { command: 'updateKvConfig', args: ['-s', 'admin_space', '-k', 'key', '-v', 'value'] },
  { command: 'deleteKvConfig', args: ['-s', 'admin_space', '-k', 'key'] },
  { command: 'wipeWritePerm', args: ['-b', 'broker-a'] },
  { command: 'addWritePerm', args: ['-b', 'broker-a'] },
  { command: 'cleanExpiredCQ', args: ['-b', '{broker}'] },
  { command: 'cleanExpiredCQ', args: ['-c', '{cluster}'] },
  { command: 'deleteExpiredCommitLog', args: ['-b', '{broker}'] },
  { command: 'deleteExpiredCommitLog', args: ['-c', '{cluster}'] },
  { command: 'haStatus', args: ['-b', '{broker}'] },
  { command: 'exportMetadata', args: ['-b', '{broker}', '-t', '-f', '{folder}'] },
  { command: 'exportMetadata', args: ['-b', '{broker}', '-g', '-f', '{folder}'] },
  { command: 'exportMetadata', args: ['-c', '{cluster}', '-f', '{folder}'] },
  { command: 'exportConfigs', args: ['-c', '{cluster}', '-f', '{folder}'] },
  { command: 'exportMetrics', args: ['-c', '{cluster}', '-f', '{folder}'] },

  { command: 'deleteSubGroup', args: ['-b', '{broker}', '-g', MADE_GROUP] },
  { command: 'deleteSubGroup', args: ['-c', '{cluster}', '-g', 'admin_listed_group_1', '-r', 'true'] },
  { command: 'deleteTopic', args: ['-c', '{cluster}', '-t', MADE] },
  { command: 'deleteTopic', args: ['-c', '{cluster}', '-t', 'admin_absent'] },
  { command: 'deleteTopic', args: ['-c', '{cluster}', '-t', 'TBW102'] },
  { command: 'cleanUnusedTopic', args: ['-b', '{broker}'] },
  { command: 'cleanUnusedTopic', args: ['-c', '{cluster}'] },
];

/** A run that is not recorded: the answer is ours to give. Judged by what the tool prints of it; run behind the others. */
export type OwnStep = Pick<AdminStep, 'command' | 'args'> & {
  /** All of these are in the output. */
  readonly says: readonly RegExp[];
  /** None of these is. */
  readonly saysNot?: readonly RegExp[];
};

const SUCCESS = /^update broker config success, [\d.]+:\d+$/m;
const FAILED = /SubCommandException: Update(?:BrokerConfigSub|NamesrvConfig)Command command failed/;
const NAMES_SUCCESS = /^update name server config success!\[[\d.]+:\d+\]$/m;
const ofBroker = (key: string, value: string): readonly string[] => ['-b', '{broker}', '-k', key, '-v', value];
const ofNames = (key: string, value: string): readonly string[] => ['-k', key, '-v', value];

/** Of both programs' settings: one that works at once, one that waits for a start, one that names a path, one that nobody knows, a bad value. */
export const OWN_STEPS: readonly OwnStep[] = [
  { command: 'updateBrokerConfig', args: ofBroker('maxMessageSize', '2097152'), says: [SUCCESS] },
  { command: 'updateBrokerConfig', args: ofBroker('regionId', 'elsewhere'), says: [SUCCESS] },
  { command: 'updateBrokerConfig', args: ofBroker('noSuchSetting', '1'), says: [SUCCESS] },
  {
    command: 'updateBrokerConfig',
    args: ofBroker('storePathRootDir', '/elsewhere'),
    says: [FAILED, /CODE: 16 {2}DESC: Can not update config in black list: "storePathRootDir": it names a path.* BROKER: [\d.]+:\d+$/m],
  },
  {
    command: 'updateBrokerConfig',
    args: ofBroker('fileReservedTime', 'ten'),
    says: [FAILED, /CODE: 29 {2}DESC: Cannot set fileReservedTime="ten": must be an integer from 1 to \d+; nothing was changed BROKER/],
  },
  {
    command: 'updateBrokerConfig',
    args: ['-c', '{cluster}', '-k', 'fileReservedTime', '-v', 'ten'],
    says: [/CODE: 29 {2}DESC: Cannot set fileReservedTime="ten"/],
    saysNot: [SUCCESS],
  },
  {
    command: 'getBrokerConfig',
    args: ['-b', '{broker}'],
    says: [/^maxMessageSize += {2}2097152$/m, /^regionId += {2}elsewhere$/m, /^settingsAwaitingRestart += {2}regionId$/m],
    saysNot: [/noSuchSetting|= {2}\/elsewhere|= {2}ten/],
  },
  {
    command: 'updateNamesrvConfig',
    args: ofNames('scanNotActiveBrokerInterval', '7000'),
    says: [NAMES_SUCCESS, /^scanNotActiveBrokerInterval : 7000$/m],
  },
  // The tool prints what it was told to set, also where the answer's remark says that nobody knows it.
  { command: 'updateNamesrvConfig', args: ofNames('noSuchSetting', '1'), says: [NAMES_SUCCESS] },
  {
    command: 'updateNamesrvConfig',
    args: ofNames('kvConfigPath', '/elsewhere'),
    says: [FAILED, /CODE: 16 {2}DESC: Can not update config in black list: "kvConfigPath": it names a path/],
    saysNot: [NAMES_SUCCESS],
  },
  {
    command: 'updateNamesrvConfig',
    args: ofNames('scanNotActiveBrokerInterval', 'ten'),
    says: [
      FAILED,
      /CODE: 29 {2}DESC: Cannot set scanNotActiveBrokerInterval="ten": must be an integer from \d+ to \d+; nothing was changed/,
    ],
    saysNot: [NAMES_SUCCESS],
  },
  {
    command: 'getNamesrvConfig',
    args: [],
    says: [/^scanNotActiveBrokerInterval += {2}7000$/m],
    saysNot: [/noSuchSetting|= {2}\/elsewhere/],
  },
];

/** The arguments with what they stand for; values by name without braces. */
export function fillArguments(step: Pick<AdminStep, 'command' | 'args'>, values: Readonly<Record<string, string>>): string[] {
  return step.args.map((argument) =>
    argument.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${step.command}: nothing stands for {${name}}`);
      return value;
    }),
  );
}
