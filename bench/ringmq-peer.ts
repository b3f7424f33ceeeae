/** ringmq as a peer: the built package in `dist/`, started by `node` with nothing around it. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareRingmq, type RingmqProcess } from '../test/support/start-ringmq.ts';
import { cacheFolder } from './cache-folder.ts';
import type { Peer } from './peer.ts';

const BUILT = fileURLToPath(new URL('../dist/bin/ringmq.js', import.meta.url));

export class RingmqPeer implements Peer {
  readonly label: string;
  readonly isWarmedUp = true;
  readonly #process: RingmqProcess;

  private constructor(ringmq: RingmqProcess, shards: number) {
    this.label = shards === 0 ? 'ringmq' : `ringmq, ${shards} shards`;
    this.#process = ringmq;
  }

  /** @param shards 0: as many as it takes by default */
  static async create(flush: 'async' | 'sync', shards: number): Promise<RingmqPeer> {
    if (!existsSync(BUILT)) throw new Error(`${BUILT} is missing: run npm run build first`);
    const dataDir = mkdtempSync(join(cacheFolder('run'), 'ringmq-'));
    const ringmq = await prepareRingmq({ flush, shards, dataDir, command: [process.execPath, BUILT, 'start'] });
    return new RingmqPeer(ringmq, shards);
  }

  get nameServer(): string {
    return this.#process.nameServer;
  }

  get pids(): number[] {
    return [this.#process.pid];
  }

  async start(): Promise<void> {
    await this.#process.start();
  }

  async stop(): Promise<void> {
    try {
      await this.#process.stop();
    } finally {
      rmSync(this.#process.dataDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
