/** A thread that can be called by the control link. */
import { exposeControl } from '../../../runtime/control-link.ts';
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

export interface TestControl {
  add(a: number, b: number): number;
  fail(): never;
  hang(): Promise<never>;
  die(): never;
}

export async function main(thread: ThreadContext): Promise<void> {
  const api: TestControl = {
    add: (a, b) => a + b,
    fail: () => {
      throw new Error('told to fail');
    },
    hang: () => new Promise(() => {}),
    die: () => process.exit(3),
  };
  await exposeControl(thread, api);
}
