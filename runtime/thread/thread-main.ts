/** Entry of worker threads whose module has no entry of its own: loads the module that the birth data name. */
import { runThread } from './run-thread.ts';
import type { ThreadModule } from './thread-context.ts';

await runThread(async ({ module }) => (await import(module)) as ThreadModule);
