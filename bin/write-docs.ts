/** Writes the documents that come from tables in the code: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { renderConfigurationPage } from '../actors/broker/configuration-page.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), renderConfigurationPage());
