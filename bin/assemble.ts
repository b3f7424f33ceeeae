/** Assembles the WebAssembly of the record mover (actors/store/move-records.wat) into the module that is checked in; a test holds the two equal. */
import { readFileSync } from 'node:fs';
import wabt from 'wabt';
import { webAssembly } from '../actors/store/web-assembly.ts';

const LINE_CHARS = 120;
const features = { multi_memory: true, threads: true, bulk_memory: true };

/** The text of actors/store/move-records-module.ts. */
export async function assembleMoveRecords(): Promise<string> {
  const source = readFileSync(new URL('../actors/store/move-records.wat', import.meta.url), 'utf8');
  const module = (await wabt()).parseWat('move-records.wat', source, features);
  try {
    const code = Buffer.from(module.toBinary({}).buffer);
    if (!webAssembly.validate(code)) throw new Error('move-records.wat makes a module that this engine refuses');
    const lines = code.toString('base64').match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
    return `/** Assembled from move-records.wat by \`npm run docs\`. */\nexport const MOVE_RECORDS: string =\n  ${lines.map((line) => `'${line}'`).join(' +\n  ')};\n`;
  } finally {
    module.destroy();
  }
}
