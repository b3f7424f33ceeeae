/**
 * Scripts that make a shell complete the command line, from the table of commands. Pure. Names of topics and groups are asked of the cluster
 * when a word is completed, by the command itself with a short limit; when that fails nothing is offered.
 */
import type { CommandSpec, Completion } from './command-spec.ts';
import type { SHELLS } from './command-table.ts';

export type Shell = (typeof SHELLS)[number];

/** Bash expands the words that it offers: a name with `$(...)` in it, from a broker that means ill, would be run. */
const ONLY_NAMES = "2>/dev/null | grep -xE '[%|A-Za-z0-9_-]+'";

/** What prints the names that a shell offers. */
const NAMES: Readonly<Record<'topic' | 'group', string>> = {
  topic: `ringmq topics list --all --names --timeout 1s ${ONLY_NAMES}`,
  group: `ringmq groups list --names --timeout 1s ${ONLY_NAMES}`,
};

export function completionScript(shell: Shell, commands: readonly CommandSpec[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return `#compdef ringmq\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case 'fish':
      return fishScript(commands);
  }
}

/** First words, and the second words of each. */
function families(commands: readonly CommandSpec[]): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first, second] = name.split(' ') as [string, string | undefined];
    const seconds = words.get(first) ?? [];
    if (second !== undefined) seconds.push(second);
    words.set(first, seconds);
  }
  return words;
}

function bashScript(commands: readonly CommandSpec[]): string {
  const words = families(commands);
  const seconds = [...words].filter(([, list]) => list.length > 0);
  const cases = commands.map((command) => {
    const flags = [...command.options.map(({ flag }) => `--${flag}`), '--help'].join(' ');
    const values = command.options
      .filter(({ argument }) => argument !== undefined)
      .map((option) => {
        const names = [`--${option.flag}`, ...(option.short === undefined ? [] : [`-${option.short}`])].join('|');
        return `        ${names}) ${bashOffer(option.completes ?? 'none', option.value?.kind === 'choice' ? option.value.values : undefined)}; return ;;`;
      });
    const operands = command.operands.map((operand, index) => {
      const place = operand.isMultiple === true ? '*' : String(index);
      return `        ${place}) ${bashOffer(operand.completes ?? 'none', operand.values)} ;;`;
    });
    return `    ${command.name.includes(' ') ? `'${command.name}'` : command.name})
      flags='${flags}'
      case "$previous" in
${values.length === 0 ? '        "") ;;' : values.join('\n')}
      esac
      if [[ "$word" != -* ]]; then
        case "$operand" in
${operands.length === 0 ? '        "") ;;' : operands.join('\n')}
        esac
      fi
      ;;`;
  });
  return `_ringmq() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" first="\${COMP_WORDS[1]}" command flags='' from=2 operand=0 at
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=( $(compgen -W '${[...words.keys(), 'help', 'version'].join(' ')}' -- "$word") )
    return
  fi
  command="$first"
  case "$first" in
${seconds.map(([first, list]) => bashFamily(first, list, commands)).join('\n')}
  esac
  for (( at = from; at < COMP_CWORD; at++ )); do [[ "\${COMP_WORDS[at]}" == -* ]] || (( operand++ )); done
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$word" == -* ]]; then COMPREPLY=( $(compgen -W "$flags" -- "$word") ); fi
}
complete -o default -F _ringmq ringmq
`;
}

/** The second word of a family; an option in its place belongs to the default command. */
function bashFamily(first: string, seconds: readonly string[], commands: readonly CommandSpec[]): string {
  const standard = commands.find(({ name, isDefault }) => isDefault === true && name.startsWith(`${first} `))?.name ?? first;
  return `    ${first})
      if [[ "\${COMP_WORDS[2]}" == -* ]]; then command='${standard}'
      elif (( COMP_CWORD == 2 )); then COMPREPLY=( $(compgen -W '${seconds.join(' ')}' -- "$word") ); return
      else command="$first \${COMP_WORDS[2]}"; from=3; fi ;;`;
}

function bashOffer(completes: Completion, values: readonly string[] | undefined): string {
  if (values !== undefined) return `COMPREPLY=( $(compgen -W '${values.join(' ')}' -- "$word") )`;
  if (completes === 'topic' || completes === 'group') return `COMPREPLY=( $(compgen -W "$(${NAMES[completes]})" -- "$word") )`;
  if (completes === 'file') return 'COMPREPLY=( $(compgen -f -- "$word") )';
  return ':';
}

function fishScript(commands: readonly CommandSpec[]): string {
  const lines = ['complete -c ringmq -f'];
  for (const [first, seconds] of families(commands)) {
    const only = commands.find(({ name }) => name === first);
    lines.push(`complete -c ringmq -n __fish_use_subcommand -a ${first} -d ${quoted(only?.sentence ?? `about ${first}`)}`);
    for (const second of seconds) {
      const spec = commands.find(({ name }) => name === `${first} ${second}`) as CommandSpec;
      const isNext = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(' ')}`;
      lines.push(`complete -c ringmq -n ${quoted(isNext)} -a ${second} -d ${quoted(spec.sentence)}`);
    }
  }
  for (const command of commands) {
    const isHere = quoted(
      command.name
        .split(' ')
        .map((word) => `__fish_seen_subcommand_from ${word}`)
        .join('; and '),
    );
    for (const { flag, short, argument, value, completes, sentence } of command.options) {
      const shortForm = short === undefined ? '' : ` -s ${short}`;
      const takes = argument === undefined ? '' : completes === 'file' ? ' -rF' : ' -x';
      const offers = value?.kind === 'choice' ? value.values.join(' ') : fishNames(completes ?? 'none');
      lines.push(
        `complete -c ringmq -n ${isHere}${shortForm} -l ${flag}${takes}${offers === '' ? '' : ` -a ${quoted(offers)}`} -d ${quoted(sentence)}`,
      );
    }
    for (const { values, completes } of command.operands) {
      const offers = values === undefined ? fishNames(completes ?? 'none') : values.join(' ');
      if (offers !== '') lines.push(`complete -c ringmq -n ${isHere} -a ${quoted(offers)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishNames(completes: Completion): string {
  return completes === 'topic' || completes === 'group' ? `(${NAMES[completes]})` : '';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
