/**
 * Keeps V8's compiled code of the command's modules between two starts, in the user's own cache folder: the next start is
 * shorter and its threads need less memory. Owns nothing at run time. Node does the work and checks what it reads against the
 * module's text and its own version; a folder that cannot be made or written only means that nothing is kept.
 */
import { enableCompileCache } from 'node:module';
import { isAbsolute, join } from 'node:path';

/** Threads begin with the environment of their process: those that start later keep their code in the same folder. */
export function keepCompiledCode(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): void {
  // Node has read these two itself; whoever set one of them has decided.
  if (environment['NODE_COMPILE_CACHE'] !== undefined || environment['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return;
  const folder = cacheFolder(environment, platform);
  if (folder === null) return;
  const { directory } = enableCompileCache(folder);
  if (directory !== undefined) environment['NODE_COMPILE_CACHE'] = folder;
}

/** Never a folder that other users may write to, so none without a home. */
export function cacheFolder(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | null {
  const { base, under } = usersFolder(environment, platform);
  return base !== undefined && isAbsolute(base) ? join(base, ...under, 'ringmq', 'compiled') : null;
}

function usersFolder(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): { base: string | undefined; under: readonly string[] } {
  if (platform === 'win32') return { base: environment['LOCALAPPDATA'], under: [] };
  if (platform === 'darwin') return { base: environment['HOME'], under: ['Library', 'Caches'] };
  const ofUser = environment['XDG_CACHE_HOME'];
  return ofUser !== undefined && isAbsolute(ofUser) ? { base: ofUser, under: [] } : { base: environment['HOME'], under: ['.cache'] };
}
