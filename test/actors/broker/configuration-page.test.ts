import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { renderConfigurationPage } from '../../../actors/broker/configuration-page.ts';

test('docs/configuration.md is what renderConfigurationPage gives', async (t) => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  t.equal(page, renderConfigurationPage(), 'run `npm run docs` after a change of the option table');
});
