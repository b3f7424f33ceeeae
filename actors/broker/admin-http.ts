/**
 * Admin HTTP server: owns one listening socket, for `GET /health` (JSON; 200 or 503) and `GET /metrics` (Prometheus text).
 * Loopback by default, no state of its own, nothing that changes the broker. Runs on the root; few connections, small
 * requests and short time limits keep it harmless. Fails at the start only (PortInUseError, PortRefusedError).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatAddress } from './broker-options.ts';
import { PortInUseError, PortRefusedError } from './errors.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';
import { formatMetrics, METRICS_CONTENT_TYPE } from './metrics-text.ts';

const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 5000;
const HEADER_BYTES_MAX = 8192;

export type AdminServer = {
  /** `host:port` as really listened on. */
  readonly address: string;
  close(): Promise<void>;
};

/**
 * @param port 0 takes a free one
 * @param snapshot called once a request
 */
export async function startAdminServer(host: string, port: number, snapshot: () => MetricsSnapshot): Promise<AdminServer> {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX, keepAliveTimeout: REQUEST_MS_MAX },
    (request, response) => {
      try {
        respond(request, response, snapshot);
      } catch (error) {
        // The page is a view: what goes wrong in it is told to who asked, and must not end the broker.
        send(response, 500, 'text/plain; charset=utf-8', `${error instanceof Error ? error.message : String(error)}\n`, false);
      }
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, host, port);
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress(bound.address, bound.port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(new PortInUseError(host, port, 'another process'));
      else reject(new PortRefusedError(host, port, error));
    });
    server.listen({ host, port, backlog: CONNECTIONS_MAX }, resolve);
  });
}

function respond(request: IncomingMessage, response: ServerResponse, snapshot: () => MetricsSnapshot): void {
  const headOnly = request.method === 'HEAD';
  if (request.method !== 'GET' && !headOnly) {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'text/plain; charset=utf-8', 'Only GET and HEAD are answered here\n', headOnly);
    return;
  }
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path === '/health') {
    const { healthy, reason, cluster, broker, uptimeMs } = snapshot();
    const body = { status: healthy ? 'UP' : 'DOWN', ...(healthy ? {} : { reason }), cluster, broker, uptimeMs: Math.round(uptimeMs) };
    send(response, healthy ? 200 : 503, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`, headOnly);
  } else if (path === '/metrics') send(response, 200, METRICS_CONTENT_TYPE, formatMetrics(snapshot()), headOnly);
  else send(response, 404, 'text/plain; charset=utf-8', 'Here are /health and /metrics\n', headOnly);
}

function send(response: ServerResponse, status: number, type: string, body: string, headOnly: boolean): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(headOnly ? undefined : body);
}
