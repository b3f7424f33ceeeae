/**
 * Admin HTTP server: owns one listening socket, for `GET /health` (JSON; 200 or 503), `GET /metrics` (Prometheus text), and
 * `GET /transactions?from=N` (JSON: a page of the half messages that are not ended, from queue offset N on, with their ages).
 * Loopback by default, no state of its own, nothing that changes the broker. Runs on the root. One request a connection, few
 * connections, small headers: when too many are open the oldest goes, so that nobody can keep others out by waiting. Node's
 * HTTP module takes 6 MB: it is loaded with the first connection. Fails at the start only (PortInUseError, PortRefusedError).
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { formatAddress } from './address.ts';
import { PortInUseError, PortRefusedError } from './errors.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';
import { formatMetrics, METRICS_CONTENT_TYPE } from './metrics-text.ts';

const CONNECTIONS_MAX = 64;
const SILENCE_MS_MAX = 5000;
const HEADER_BYTES_MAX = 8192;

/** A page of half messages from a queue offset on: plain data. */
export type HalfMessages = (from: number) => Promise<unknown>;

export type AdminServer = {
  /** `host:port` as really listened on. */
  readonly address: string;
  close(): Promise<void>;
};

/**
 * @param port 0 takes a free one
 * @param snapshot called once a request for /health
 * @param whole called once a request for /metrics; what it rejects with is told to who asked, on a page of the snapshot
 * @param halfMessages called once a request for /transactions; null: there are none
 */
export async function startAdminServer(
  host: string,
  port: number,
  snapshot: () => MetricsSnapshot,
  whole: () => Promise<MetricsSnapshot> = async () => snapshot(),
  halfMessages: HalfMessages | null = null,
): Promise<AdminServer> {
  const open = new Set<Socket>();
  let http: Promise<HttpServer> | undefined;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    open.add(socket);
    for (const oldest of open) {
      if (open.size <= CONNECTIONS_MAX) break;
      open.delete(oldest);
      oldest.destroy();
    }
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    http ??= createHttpServer(snapshot, whole, halfMessages);
    http.then(
      (parser) => {
        parser.emit('connection', socket);
        socket.resume();
      },
      () => socket.destroy(),
    );
  });
  await listen(server, host, port);
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress(bound.address, bound.port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Parses and answers; the sockets are given to it. */
async function createHttpServer(
  snapshot: () => MetricsSnapshot,
  whole: () => Promise<MetricsSnapshot>,
  halfMessages: HalfMessages | null,
): Promise<HttpServer> {
  const { createServer: create } = await import('node:http');
  const server = create({ maxHeaderSize: HEADER_BYTES_MAX, keepAlive: false }, (request, response) => {
    respond(request, response, snapshot, whole, halfMessages).catch((error: unknown) => {
      // The page is a view: what goes wrong in it is told to who asked, and must not end the broker.
      send(response, 500, 'text/plain; charset=utf-8', `${textOf(error)}\n`, false);
    });
  });
  server.timeout = SILENCE_MS_MAX;
  return server;
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

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Groups that do not answer hide no counter: the page comes without them, and says so. */
async function metricsPage(snapshot: () => MetricsSnapshot, whole: () => Promise<MetricsSnapshot>): Promise<string> {
  try {
    return formatMetrics(await whole());
  } catch (error) {
    return `${formatMetrics(snapshot())}# The groups gave no answer: ${textOf(error).replaceAll(/\s+/g, ' ')}\n`;
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  snapshot: () => MetricsSnapshot,
  whole: () => Promise<MetricsSnapshot>,
  halfMessages: HalfMessages | null,
): Promise<void> {
  const headOnly = request.method === 'HEAD';
  if (request.method !== 'GET' && !headOnly) {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'text/plain; charset=utf-8', 'Only GET and HEAD are answered here\n', headOnly);
    return;
  }
  const [path, query = ''] = (request.url ?? '/').split('?', 2);
  if (path === '/health') {
    const { healthy, reason, cluster, broker, uptimeMs } = snapshot();
    const body = { status: healthy ? 'UP' : 'DOWN', ...(healthy ? {} : { reason }), cluster, broker, uptimeMs: Math.round(uptimeMs) };
    send(response, healthy ? 200 : 503, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`, headOnly);
  } else if (path === '/metrics') send(response, 200, METRICS_CONTENT_TYPE, await metricsPage(snapshot, whole), headOnly);
  else if (path === '/transactions' && halfMessages !== null) {
    const from = /^(?:from=(\d{1,15}))?$/.exec(query);
    if (from === null)
      send(response, 400, 'text/plain; charset=utf-8', 'Ask for /transactions?from=N, N a queue offset from 0 on\n', headOnly);
    else send(response, 200, 'application/json; charset=utf-8', `${JSON.stringify(await halfMessages(Number(from[1] ?? 0)))}\n`, headOnly);
  } else send(response, 404, 'text/plain; charset=utf-8', 'Here are /health, /metrics and /transactions\n', headOnly);
}

function send(response: ServerResponse, status: number, type: string, body: string, headOnly: boolean): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(headOnly ? undefined : body);
}
