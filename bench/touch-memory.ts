/**
 * Touches so many GiB of memory and gives them back. A virtual machine's memory that nobody has touched lately is the host's: each page
 * of it costs its first user a fault of several microseconds, more than a broker's own work on what it writes there, and whoever runs
 * later finds the pages that an earlier one has paid for. Before a workload that fills the page cache, for both brokers alike.
 *
 *   node bench/touch-memory.ts GIB
 */
const gib = Number(process.argv[2]);
if (!(gib > 0 && gib <= 64)) throw new Error(`touch-memory.ts ${process.argv[2]}: a number of GiB from 1 to 64`);
const kept: Buffer[] = [];
for (let i = 0; i < gib * 16; i++) kept.push(Buffer.alloc(64 * 1024 * 1024, 1));
