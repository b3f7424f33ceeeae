/** The whole thread of the log worker: its worker's entry. In the built package all that it loads at its start is in this file. */
import { runThread } from '../../runtime/thread/run-thread.ts';
import type { ThreadModule } from '../../runtime/thread/thread-context.ts';
import { main } from './log-main.ts';

await runThread(() => ({ main }) as ThreadModule);
