/**
 * Root thread of an embedded cluster: the worker that starts, supervises and stops its nodes, so that an application that is busy or
 * blocked holds up nothing but itself. Owns the nodes and their ports. A fence or an escalation of one node ends them all at once and
 * is told; the process goes on.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../../runtime/errors.ts';
import { ClusterHost } from './cluster-host.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import type { ClusterRequest, ClusterWord } from './cluster-words.ts';
import { clusterErrorInWords } from './errors.ts';

assert(parentPort !== null, 'cluster-main.ts runs in a worker thread only');
const port = parentPort;
const say = (word: ClusterWord): void => port.postMessage(word);

const host = new ClusterHost(workerData as ClusterPlan, {
  log: (level, text, fields) => say({ word: 'log', level, text, fields: fields === undefined ? undefined : plainFields(fields) }),
  leave: (node, isOrderly, reason) => say({ word: 'leave', node, isOrderly, reason }),
  fault: (node, kind, error) => say({ word: 'fault', node, kind, error: clusterErrorInWords(error) }),
});

/** Log fields may hold anything; what cannot be cloned is told as text. */
function plainFields(fields: Record<string, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const isPlain = value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
    plain[name] = isPlain ? value : value instanceof Error ? value.message : String(value);
  }
  return plain;
}

port.on('message', (request: ClusterRequest) => {
  host.act(request).then(
    (value) => say({ word: 'done', id: request.id, value }),
    (error: unknown) => say({ word: 'failed', id: request.id, error: clusterErrorInWords(toError(error)) }),
  );
});
