/**
 * The shape of a body: member names and types without values, so that answers of two brokers can be compared. Reads what Java
 * writes, bare integers and objects as keys included. Pure.
 */

/** A type's name, `[shape of the items]`, or members; `*` stands for every key of a map, `name?` for a member that not each item has. */
export type Shape = string | Shape[] | { [member: string]: Shape };

/** Objects whose keys are data: names, addresses, queues. */
const MAPS: ReadonlySet<string> = new Set([
  'attributes',
  'brokerAddrs',
  'brokerAddrTable',
  'clusterAddrTable',
  'consumerTable',
  'data',
  'delayLevelTable',
  'filterServerTable',
  'forbiddenTable',
  'messageQueueTable',
  'mqPopTable',
  'mqTable',
  'offsetTable',
  'properties',
  'statusTable',
  'subscriptionGroupTable',
  'subscriptionTable',
  'topicConfigTable',
  'topicQueueMappingDetailMap',
  'topicQueueMappingInfoMap',
  'userConsumerInfo',
]);
const STATISTICS = 'consumeStatsList';

/** The shape of an answer's body. */
export function bodyShape(body: Buffer): Shape {
  if (body.length === 0) return 'none';
  const text = body.toString('utf8');
  if (/^[{[]/.test(text)) {
    try {
      return shapeOf(JSON.parse(strictJson(text)), '');
    } catch {
      return 'binary';
    }
  }
  return /^[#\w.-]+\s*[=#]/.test(text) || text.startsWith('#') ? 'properties' : 'binary';
}

/** Java's JSON with every key a string. */
export function strictJson(text: string): string {
  let out = '';
  let at = 0;
  const value = (): string => {
    const from = at;
    if (text[at] === '{') {
      at++;
      const members: string[] = [];
      while (text[at] !== '}') {
        const key = value();
        if (text[at] !== ':') throw new SyntaxError(`No colon at ${at}`);
        at++;
        members.push(`${key.startsWith('"') ? key : JSON.stringify(key)}:${value()}`);
        if (text[at] === ',') at++;
        else if (text[at] !== '}') throw new SyntaxError(`No comma at ${at}`);
      }
      at++;
      return `{${members.join(',')}}`;
    }
    if (text[at] === '[') {
      at++;
      const items: string[] = [];
      while (text[at] !== ']') {
        items.push(value());
        if (text[at] === ',') at++;
        else if (text[at] !== ']') throw new SyntaxError(`No comma at ${at}`);
      }
      at++;
      return `[${items.join(',')}]`;
    }
    if (text[at] === '"') {
      at++;
      while (text[at] !== '"') {
        if (at >= text.length) throw new SyntaxError('An open string');
        at += text[at] === '\\' ? 2 : 1;
      }
      at++;
      return text.slice(from, at);
    }
    while (at < text.length && /[-+.\w]/.test(text[at]!)) at++;
    if (at === from) throw new SyntaxError(`Nothing at ${at}`);
    return text.slice(from, at);
  };
  // Only what stands between the tokens may have blanks, and Java writes none there but in files.
  text = compact(text);
  out = value();
  if (at !== text.length) throw new SyntaxError(`More after ${at}`);
  return out;
}

function compact(text: string): string {
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? '');
}

function shapeOf(value: unknown, name: string): Shape {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value === 'string' ? 'text' : typeof value;
  if (Array.isArray(value)) return value.length === 0 ? [] : [merge(value.map((item) => shapeOf(item, '')))];
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  // Statistics of a broker's groups are a list of one-entry maps.
  const isMap = MAPS.has(name) || (name === STATISTICS && entries.length === 1);
  if (isMap) return entries.length === 0 ? {} : { '*': merge(entries.map(([, member]) => shapeOf(member, ''))) };
  return Object.fromEntries(
    entries
      .map(([key, member]): [string, Shape] => [key.replace(/\d+$/, '#').replace(/_[/.].*$/, '_{path}'), shapeOf(member, key)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** One shape for several values: members that not all have become optional. */
function merge(shapes: readonly Shape[]): Shape {
  const [first, ...rest] = shapes;
  return rest.reduce<Shape>((left, right) => mergeTwo(left, right), first ?? 'none');
}

function mergeTwo(left: Shape, right: Shape): Shape {
  if (typeof left === 'string' || typeof right === 'string') return left === right ? left : 'any';
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right)) return 'any';
    return left.length === 0 ? right : right.length === 0 ? left : [mergeTwo(left[0]!, right[0]!)];
  }
  const out: { [member: string]: Shape } = {};
  for (const name of [...new Set([...Object.keys(left), ...Object.keys(right)].map((key) => key.replace(/\?$/, '')))].sort()) {
    const mine = left[name] ?? left[`${name}?`];
    const theirs = right[name] ?? right[`${name}?`];
    const both = mine !== undefined && theirs !== undefined;
    const isRequired = both && left[name] !== undefined && right[name] !== undefined;
    const isData = name === '*';
    out[isRequired || isData ? name : `${name}?`] = both ? mergeTwo(mine, theirs) : (mine ?? theirs)!;
  }
  return out;
}

/** Where `actual` is not of the shape `golden`, a line each: `path: what`. An empty map or list fits every map or list. */
export function shapeDifferences(golden: Shape, actual: Shape, path: string = ''): string[] {
  if (golden === 'any' || actual === 'any') return [];
  if (typeof golden === 'string' || typeof actual === 'string') {
    return JSON.stringify(golden) === JSON.stringify(actual) ? [] : [`${path || 'body'}: ${kind(golden)} wanted, got ${kind(actual)}`];
  }
  if (Array.isArray(golden) || Array.isArray(actual)) {
    if (!Array.isArray(golden) || !Array.isArray(actual)) return [`${path || 'body'}: ${kind(golden)} wanted, got ${kind(actual)}`];
    return golden.length === 0 || actual.length === 0 ? [] : shapeDifferences(golden[0]!, actual[0]!, `${path}[]`);
  }
  const isData = '*' in golden || '*' in actual;
  const differences: string[] = [];
  for (const name of [...new Set([...Object.keys(golden), ...Object.keys(actual)].map((key) => key.replace(/\?$/, '')))].sort()) {
    const wanted = golden[name] ?? golden[`${name}?`];
    const got = actual[name] ?? actual[`${name}?`];
    const below = path === '' ? name : `${path}.${name}`;
    if (wanted !== undefined && got !== undefined) differences.push(...shapeDifferences(wanted, got, below));
    else if (isData || golden[`${name}?`] !== undefined || actual[`${name}?`] !== undefined) continue;
    else if (got === undefined) differences.push(`${below}: missing`);
    else differences.push(`${below}: not in the original`);
  }
  return differences;
}

function kind(shape: Shape): string {
  return typeof shape === 'string' ? shape : Array.isArray(shape) ? 'list' : 'object';
}
