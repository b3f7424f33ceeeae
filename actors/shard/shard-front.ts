/**
 * Shard front: what every shard has, of a broker or of a name server: its gateway, the name server's part where one is to run, and what
 * it listens on. One a shard. Fails as the gateway's `listen` does.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import type { Listen } from '../gateway/client-socket.ts';
import { RemotingGateway } from '../gateway/remoting-gateway.ts';
import type { UnsentLimits } from '../gateway/unsent-allowance.ts';
import type { KeyValueOptions } from '../name-server/key-value-actor.ts';
import { createNameServerHandlers } from '../name-server/name-server-handlers.ts';
import type { Configure, Done } from '../name-server/shard-actor.ts';
import { nameServerPath } from '../name-server/topic-shard.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { createNameServerSettingsHandlers } from '../settings/settings-handlers.ts';
import { follow } from './follow.ts';

export type FrontThreadData = {
  readonly config: BrokerConfig;
  /** Null: a name server without a broker. */
  readonly memory: BrokerMemory | null;
  /** Names of all shards, in order. */
  readonly shards: readonly string[];
};

/** What a broker in the same process has for its name server. */
export type OwnBroker = { readonly registration: string; readonly keyValues: KeyValueOptions };

const GATEWAY_MAILBOX_MAX = 65_536;

export class ShardFront {
  readonly gateway: RemotingGateway;
  readonly #config: BrokerConfig;
  readonly #index: number;

  /** @param own null: a lone name server, which has no store: its key values live as long as it does */
  constructor(thread: ThreadContext, data: FrontThreadData, live: LiveConfig, listen: Listen, own: OwnBroker | null) {
    const { config, shards } = data;
    this.#config = config;
    this.#index = shards.indexOf(thread.name);
    const limits = {
      get connectionsMax() {
        return live.config.connectionsMax;
      },
      get idleMs() {
        return live.config.idleConnectionSeconds * 1000;
      },
      backlog: config.listenBacklog,
      unsent: unsentLimits(live),
      input: {
        get shardBytes() {
          return live.config.inputBytesMax;
        },
      },
    };
    const gateway = new RemotingGateway(thread, this.#index, limits, listen);
    this.gateway = gateway;
    thread.spawn(`gateway/${this.#index}`, () => gateway, { mailboxMax: GATEWAY_MAILBOX_MAX });
    if (!config.nameServerEnable) return;
    gateway.addHandlers(
      createNameServerHandlers(thread, {
        shards,
        get scanMs() {
          return live.config.nameServerScanMs;
        },
        ...own,
      }),
    );
    gateway.addHandlers(createNameServerSettingsHandlers(thread));
    live.onChange(({ nameServerScanMs: scanMs }, previous, wait) => {
      if (scanMs === previous.nameServerScanMs) return;
      // Each shard has its own part of the name server.
      follow<Done, Configure>(thread, nameServerPath(thread.name), { kind: 'configure', scanMs }, wait);
    });
  }

  async listen(): Promise<void> {
    const config = this.#config;
    const reusePort = process.platform === 'linux';
    if (!reusePort && this.#index > 0) return;
    if (config.nameServerEnable) await this.gateway.listen(config.nameServerHost, config.nameServerPort, reusePort);
    if (!config.brokerEnable) return;
    await this.gateway.listen(config.bindHost, config.listenPort, reusePort);
    if (config.vipPortEnable) await this.gateway.listen(config.bindHost, config.listenPort - 2, reusePort);
  }

  async stop(): Promise<void> {
    await this.gateway.stopListening();
    this.gateway.closeAll('the broker stops');
  }
}

/** What clients may leave unread, read at each use. */
function unsentLimits(live: LiveConfig): UnsentLimits {
  return {
    get connectionBytes() {
      return live.config.connectionOutputBytesMax;
    },
    get shardBytes() {
      return live.config.outputBytesMax;
    },
  };
}
