/**
 * Runs the stock admin tool's recorded commands against a broker and compares what it writes, line by line, with what it wrote about the
 * Java broker; numbers do not count. Judged by output alone: the tool succeeds whatever happens. What may differ is said in `admin-steps.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_COMMANDS } from '../../bin/admin-commands.ts';
import { loadGolden, outputLines } from '../support/admin-golden.ts';
import { AdminWorld } from '../support/admin-world.ts';
import { pause } from '../support/wait-until.ts';
import { ADMIN_STEPS, type AdminStep, fillArguments, OUTPUT_MAY_DIFFER, OWN_STEPS, type OwnStep } from './admin-steps.ts';
import { AdminTool } from './admin-tool.ts';

export type AdminVerdict = { command: string; ok: boolean; ms: number; differences: string[] };

/** As many lines as were recorded. */
const OUTPUT_LINES_MAX = 60;
const LOOKS_MAX = 8;
const LOOK_AGAIN_MS = 1_000;

/** An address as a message id has it. */
export function hostOfAddress(address: string): string {
  const [host, port] = address.split(':') as [string, string];
  const bytes = [...host.split('.').map(Number), 0, 0, Number(port) >> 8, Number(port) & 255];
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

/** @param version of the tools; @param nameServer host:port; @param broker host:port of a broker with a fresh store */
export async function runAdminSteps(
  version: string,
  nameServer: string,
  broker: string,
  onVerdict: (verdict: AdminVerdict) => void,
): Promise<void> {
  const golden = new Map(loadGolden().map((command) => [command.command, command]));
  const unsupported = new Set(ADMIN_COMMANDS.filter((command) => command.unsupported !== undefined).map(({ name }) => name));
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-admin-'));
  const file = join(folder, 'list.json');
  const world = await AdminWorld.make(nameServer, broker);
  const tool = new AdminTool(version, folder);
  const values = {
    broker,
    nameServer,
    cluster: 'DefaultCluster',
    offsetMsgId: world.offsetMsgId,
    wrongMsgId: `${hostOfAddress(broker)}${'0'.repeat(12)}FFFF`,
    uniqueKey: world.uniqueKey,
    file,
    folder,
  };
  const runs = new Map<string, number>();
  try {
    for (const step of ADMIN_STEPS) {
      const at = runs.get(step.command) ?? 0;
      runs.set(step.command, at + 1);
      await world.beat();
      if (step.file !== undefined) writeFileSync(file, step.file);
      const began = performance.now();
      const wanted = golden.get(step.command)?.runs[at]?.output ?? [];
      const look = async (): Promise<string[]> => {
        const output = await tool.run([step.command, '-n', nameServer, ...fillArguments(step, values)], step.timeoutMs);
        const lines = outputLines(output, values, Date.now()).slice(0, OUTPUT_LINES_MAX);
        if (!unsupported.has(step.command)) return outputDifferences(step, version, wanted, lines);
        return lines.some((line) => /not supported/.test(line))
          ? []
          : ['+ it does not say that this is not supported', ...lines.slice(0, 5)];
      };
      let differences = await look();
      for (let again = 0; again < LOOKS_MAX && differences.length > 0 && step.looks === true; again++) {
        await pause(LOOK_AGAIN_MS);
        differences = await look();
      }
      onVerdict({
        command: [step.command, ...step.args].join(' '),
        ok: differences.length === 0,
        ms: performance.now() - began,
        differences,
      });
    }
    for (const step of OWN_STEPS) {
      await world.beat();
      const began = performance.now();
      const output = await tool.run([step.command, '-n', nameServer, ...fillArguments(step, values)]);
      const differences = ownDifferences(step, output);
      const command = `${[step.command, ...step.args].join(' ')} (our answer)`;
      onVerdict({ command, ok: differences.length === 0, ms: performance.now() - began, differences });
    }
  } finally {
    await tool.close();
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines that only one of both has. Of a broker's own figures and settings only the beginning is compared, and that nothing failed. */
function outputDifferences(step: AdminStep, version: string, wanted: readonly string[], lines: readonly string[]): string[] {
  const isOtherRelease = step.release !== undefined && step.release !== version;
  if (isOtherRelease || step.ownOutput !== undefined) {
    const failure = lines.find((line) => /Exception/.test(line));
    if (failure !== undefined) return [`+ ${failure}`];
    if (isOtherRelease) return lines.length > 0 ? [] : ['+ nothing'];
    return lines[0] === wanted[0] ? [] : [`- ${wanted[0]}`, `+ ${lines[0]}`];
  }
  const left = lines.map(withoutWhatMayDiffer).sort();
  const differences: string[] = [];
  for (const line of wanted.map(withoutWhatMayDiffer).sort()) {
    const found = left.indexOf(line);
    if (found >= 0) left.splice(found, 1);
    else if (line !== '') differences.push(`- ${line}`);
  }
  return [...differences, ...left.filter((line) => line !== '').map((line) => `+ ${line}`)];
}

function ownDifferences({ says, saysNot = [] }: OwnStep, output: string): string[] {
  const missing = says.filter((pattern) => !pattern.test(output)).map((pattern) => `- ${pattern}`);
  const wrong = saysNot.filter((pattern) => pattern.test(output)).map((pattern) => `+ ${pattern}`);
  return missing.length + wrong.length === 0 ? [] : [...missing, ...wrong, ...output.split('\n').slice(0, 5)];
}

function withoutWhatMayDiffer(line: string): string {
  return OUTPUT_MAY_DIFFER.reduce((text, { pattern, as }) => text.replaceAll(pattern, as), line).trim();
}
