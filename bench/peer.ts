/** What the benchmark needs of a broker: to start it, to reach it, to know its processes, to stop it and remove its data. */
export interface Peer {
  /** Heads its column. */
  readonly label: string;
  /** host:port */
  readonly nameServer: string;
  /** True: its compiler gets the long warm-up that a JIT of its kind needs. */
  readonly isWarmedUp: boolean;
  /** All processes whose CPU and memory count. */
  readonly pids: number[];
  /** Resolves when its processes say that they are up. */
  start(): Promise<void>;
  stop(): Promise<void>;
}
