#!/usr/bin/env node
/** Entry of the command. Looks at Node's version before anything is loaded that an older one could not read. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`ringmq: needs Node 22.18 or later, this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { keepCompiledCode } = await import('../cli/compile-cache.ts');
  keepCompiledCode(process.env, process.platform);
  const { main } = await import('../cli/main.ts');
  process.exitCode = await main(process.argv.slice(2), process.env);
  // All has been stopped; whatever still keeps the loop turning must not keep the process.
  setTimeout(() => process.exit(), 1000).unref();
}

export {};
