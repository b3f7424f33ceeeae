import fc, { property, string } from 'fast-check';
import { test } from 'tap';
import { readLines } from '../../cli/line-reader.ts';
import { formatDuration, parseDuration, parsePlace } from '../../cli/option-value.ts';
import { Pacer } from '../../cli/pacer.ts';
import { Progress, progressLine } from '../../cli/progress.ts';
import { didYouMean, editDistance, nearestName } from '../../cli/suggest.ts';
import { fitWidths, formatTable } from '../../cli/text-table.ts';
import { cutText, padText, printableText, textWidth } from '../../cli/text-width.ts';

test('textWidth counts columns, not characters', async (t) => {
  const table: [text: string, columns: number][] = [
    ['', 0],
    ['abc', 3],
    ['订单', 4],
    ['ｆｕｌｌ', 8],
    ['注文トピック', 12],
    ['한국', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['👍', 2],
    ['👨‍👩‍👧', 2],
    ['❤️', 2],
    ['→…', 2],
    ['\x1b[1mbold\x1b[22m', 4],
    ['a\u200bb', 2],
  ];
  for (const [text, columns] of table) t.equal(textWidth(text), columns, JSON.stringify(text));
});

test('cutText never takes more columns than there are', async (t) => {
  t.equal(cutText('orders', 6), 'orders');
  t.equal(cutText('orders', 4), 'ord…');
  t.equal(cutText('订单主题', 5), '订单…');
  t.equal(cutText('订单主题', 4), '订…', 'half a character does not fit');
  t.equal(cutText('abc', 0), '');
  t.equal(cutText('abc', 1), '…');
  fc.assert(
    property(string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, columns) => {
      const line = printableText(text);
      return textWidth(cutText(line, columns)) <= columns && textWidth(padText(cutText(line, columns), columns)) === columns;
    }),
  );
});

test('printableText leaves nothing that moves a cursor or turns a line', async (t) => {
  t.equal(printableText('a\x1b[2Jb\r\nc\u202ed\x9b'), 'a?[2Jb??c?d?');
});

test('formatTable fits the terminal: flexible columns give way, figures do not', async (t) => {
  const layout = [
    { title: 'TOPIC', isFlexible: true },
    { title: 'LAG', align: 'right' as const },
    { title: 'WHERE', isFlexible: true },
  ];
  const rows = [
    ['a-very-long-topic-name-that-goes-on', '1,234,567', 'broker-a'],
    ['订单主题', '5', 'b'],
  ];
  t.equal(
    formatTable(layout, rows, Number.POSITIVE_INFINITY),
    [
      'TOPIC                                      LAG  WHERE',
      'a-very-long-topic-name-that-goes-on  1,234,567  broker-a',
      '订单主题                                     5  b',
    ].join('\n'),
  );
  t.equal(
    formatTable(layout, rows, 40),
    ['TOPIC                      LAG  WHERE', 'a-very-long-topic-…  1,234,567  broker-a', '订单主题                     5  b'].join('\n'),
  );
  for (const line of formatTable(layout, rows, 12).split('\n')) t.ok(textWidth(line) <= 12, 'at last the edge cuts');
  t.equal(formatTable(layout, [['x\ny', '\x1b[31m', '']], 80).split('\n').length, 2, 'a cell cannot break its line');
  t.same(fitWidths([30, 9, 8], [8, Number.POSITIVE_INFINITY, 8], 40), [23, 9, 8]);
  t.same(fitWidths([5, 5], [9, 9], 3), [5, 5], 'what may not give stays');
});

test('nearestName finds what was meant, and nothing far away', async (t) => {
  const names = ['orders', 'order-events', 'payments', 'Billing'];
  const table: [name: string, nearest: string | undefined][] = [
    ['ordres', 'orders'],
    ['oders', 'orders'],
    ['ORDERS', 'orders'],
    ['payment', 'payments'],
    ['paym', 'payments'],
    ['biling', 'Billing'],
    ['xyz', undefined],
    ['o', undefined],
  ];
  for (const [name, nearest] of table) t.equal(nearestName(name, names), nearest, name);
  t.equal(didYouMean('ordres', names), ' (did you mean "orders"?)');
  t.equal(didYouMean('zzz', names), '');
  t.equal(editDistance('ab', 'ba', 9), 1, 'a swap is one slip');
  t.equal(editDistance('kitten', 'sitting', 9), 3);
  t.equal(editDistance('kitten', 'sitting', 2), 2, 'no more than the limit');
});

test('parseDuration and formatDuration know the units', async (t) => {
  const table: [text: string, ms: number | undefined][] = [
    ['10', 10_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['', undefined],
    ['-1s', undefined],
    ['1w', undefined],
    ['1e9', undefined],
    ['99999999999', undefined],
  ];
  for (const [text, ms] of table) t.equal(parseDuration(text), ms, text);
  t.same([0.25, 999, 1500, 150_000, 9e6, 3e8].map(formatDuration), ['0.3 ms', '999 ms', '1.5 s', '3 min', '3 h', '3 d']);
});

test('parsePlace reads ends, offsets, times and times ago', async (t) => {
  const now = Date.UTC(2026, 0, 31, 12);
  t.same(parsePlace('begin', now), { at: 'begin' });
  t.same(parsePlace('42', now), { at: 'offset', offset: 42 });
  t.same(parsePlace('-10m', now), { at: 'time', ms: now - 600_000 });
  t.same(parsePlace('2026-01-31T08:00:00Z', now), { at: 'time', ms: Date.UTC(2026, 0, 31, 8) });
  t.same(parsePlace('2026-01-31 08:00', now), { at: 'time', ms: new Date(2026, 0, 31, 8).getTime() }, 'local without a zone');
  t.same(parsePlace('2026-01-31', now), { at: 'time', ms: new Date(2026, 0, 31).getTime() }, 'a day begins at local midnight');
  for (const text of ['', 'now', '-', '2026-13-01', '2026', '99999999999999999999', '31.1.2026']) {
    if (text !== '2026') t.equal(parsePlace(text, now), undefined, text);
  }
});

test('readLines cuts a stream into lines, however it comes, and refuses what is too long', async (t) => {
  async function* stream(...chunks: string[]): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const all = async (lines: AsyncIterable<Buffer>): Promise<string[]> => {
    const texts = [];
    for await (const line of lines) texts.push(line.toString());
    return texts;
  };
  t.same(await all(readLines(stream('a\nb', 'c\r', '\n\n', 'last'), 10)), ['a', 'bc', '', 'last']);
  t.same(await all(readLines(stream(), 10)), []);
  t.same(await all(readLines(stream('12345'), 5)), ['12345']);
  await t.rejects(all(readLines(stream('ok\n', '123', '4567'), 5)), { code: 'MQ_CLI_REFUSED', message: /Line 2 is longer than 5 bytes/ });
});

test('Pacer keeps a rate, and makes up for a pause by a short burst only', async (t) => {
  const pacer = new Pacer(10, 0);
  t.same([pacer.next(0), pacer.next(0), pacer.next(150)], [0, 100, 50]);
  t.same([pacer.next(10_000), pacer.next(10_000), pacer.next(10_000)], [0, 0, 100], '100 ms of burst');
  const free = new Pacer(undefined, 0);
  t.equal(free.next(5), 0);
});

test('Progress is drawn on a terminal only, late enough, and taken away', async (t) => {
  let drawn: string[] = [];
  const sink = { hasProgress: true, noteColumns: 24, raw: (text: string) => void drawn.push(text) };
  const progress = new Progress(sink, 'sent', 1000, 0);
  progress.update(10, 100);
  t.same(drawn, [], 'short work needs none');
  progress.update(500, 1000);
  progress.update(501, 1010);
  t.same(drawn, ['\rsent 500 of 1,000 (50 …\x1b[K'], 'cut to the width, not redrawn at once');
  drawn = [];
  progress.end();
  t.same(drawn, ['\r\x1b[K']);
  drawn = [];
  const silent = new Progress({ ...sink, hasProgress: false }, 'sent', 10, 0);
  silent.update(5, 9000);
  silent.end();
  t.same(drawn, []);
  t.equal(progressLine('sent', 250, 1000, 1000), 'sent 250 of 1,000 (25 %), 250/s, 3 s left');
  t.equal(progressLine('sent', 250, undefined, 1000), 'sent 250, 250/s');
});
