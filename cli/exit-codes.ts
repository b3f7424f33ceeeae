/** Exit codes of the command, each with one meaning; `ringmq --help` prints them. */
export const exitCodes = {
  stopped: 0,
  failed: 1,
  usage: 2,
  /** A name server or broker did not answer. */
  unreachable: 69,
  /** The store could no longer be trusted: nothing was acknowledged after that. */
  fence: 70,
  /** Restarts of a part did not help. */
  escalation: 71,
  /** The store is in use, damaged or not accessible. */
  store: 74,
  /** An orderly stop took too long and was cut short. */
  stopTimeout: 75,
  config: 78,
  portInUse: 98,
  portRefused: 99,
  /** A second signal ended it at once: 128 + the signal's number. */
  interrupted: 130,
  terminated: 143,
} as const;

export const exitCodeSentences: readonly (readonly [code: number, sentence: string])[] = [
  [exitCodes.stopped, 'done; a server: stopped in order, drained and flushed'],
  [exitCodes.failed, 'refused, not found, or not all done; a server: could not start; doctor: something was found'],
  [exitCodes.usage, 'a command line that cannot be meant'],
  [exitCodes.unreachable, 'no name server or broker could be reached, or none answered in time'],
  [exitCodes.fence, 'fenced: the disk broke a promise; nothing was acknowledged after that'],
  [exitCodes.escalation, 'a part failed again and again, restarts did not help'],
  [exitCodes.store, 'the store is in use by another process, damaged, or not accessible'],
  [exitCodes.stopTimeout, 'the orderly stop took too long and was cut short'],
  [exitCodes.config, 'a setting has a value that cannot be used'],
  [exitCodes.portInUse, 'a port is in use'],
  [exitCodes.portRefused, 'an address is not of this machine, or its port needs more rights'],
  [exitCodes.interrupted, 'a second SIGINT ended it at once'],
  [exitCodes.terminated, 'a second SIGTERM ended it at once'],
];
