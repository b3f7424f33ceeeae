/** What `run` throws, for `t.match`; an Error saying so when it throws nothing. */
export function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return new Error('nothing was thrown');
}
