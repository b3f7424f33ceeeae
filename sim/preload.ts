/**
 * Preload: production loads the code of requests that only tools make when the first of them comes, which takes as long as it takes. A
 * world must not wait for this machine's disk: everything that may be loaded late is loaded before the first seed.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const handlers = new URL('../actors/gateway/handlers/', import.meta.url);

export async function preload(): Promise<void> {
  const files = readdirSync(fileURLToPath(handlers), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  await Promise.all(files.map((file) => import(new URL(file, handlers).href)));
}
