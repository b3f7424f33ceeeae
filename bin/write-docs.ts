/**
 * Writes the documents that come from elsewhere in the repository: `npm run docs`. docs/configuration.md from the option
 * table; docs/compatibility.md from the handlers; docs/command-line.md from the table of commands; the record mover's module from its text; the figures in the READMEs from the last results of the benchmark.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { renderConfigurationPage } from '../actors/broker/configuration-page.ts';
import { renderCommandLinePage } from '../cli/command-line-page.ts';
import { commands } from '../cli/command-table.ts';
import { assembleMoveRecords } from './assemble.ts';
import { renderCompatibilityPage } from './compatibility-page.ts';

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);

writeFileSync(at('docs/configuration.md'), renderConfigurationPage());
writeFileSync(at('docs/compatibility.md'), renderCompatibilityPage());
writeFileSync(at('docs/command-line.md'), renderCommandLinePage(commands));
writeFileSync(at('actors/store/move-records-module.ts'), await assembleMoveRecords());

const reports = ['bench/results/against-java.md', 'bench/results/against-java-sync.md'].filter((path) => existsSync(at(path)));
if (reports.length > 0) {
  // Headings go: the section in the README has its own.
  const figures = reports.map((path) =>
    readFileSync(at(path), 'utf8')
      .replaceAll(/^#.*\n+/gm, '')
      .trim(),
  );
  for (const readme of ['README.md', 'README.zh.md']) {
    const text = readFileSync(at(readme), 'utf8');
    const filled = text.replace(
      /(<!-- bench:begin -->\n)[\s\S]*?(<!-- bench:end -->)/,
      (_, begin: string, end: string) => `${begin}\n${figures.join('\n\n')}\n\n${end}`,
    );
    writeFileSync(at(readme), filled);
  }
}
