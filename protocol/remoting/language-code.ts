/**
 * The languages that a peer may announce, by their byte in the binary header. Source: RocketMQ `LanguageCode`.
 */
export const LANGUAGES = [
  'JAVA',
  'CPP',
  'DOTNET',
  'PYTHON',
  'DELPHI',
  'ERLANG',
  'RUBY',
  'OTHER',
  'HTTP',
  'GO',
  'PHP',
  'OMS',
  'RUST',
  'NODE_JS',
] as const;

export type Language = (typeof LANGUAGES)[number];

const CODES: ReadonlyMap<string, number> = new Map(LANGUAGES.map((language, code) => [language, code]));

/** The language of a header's byte; what is not known counts as OTHER. */
export function languageOf(code: number): Language {
  return LANGUAGES[code] ?? 'OTHER';
}

/** The language of that name; what is not known counts as OTHER. */
export function languageNamed(name: string): Language {
  return CODES.has(name) ? (name as Language) : 'OTHER';
}

export function languageCode(language: Language): number {
  return CODES.get(language) as number;
}
