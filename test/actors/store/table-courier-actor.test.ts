import fc from 'fast-check';
import { test } from 'tap';
import { cutTable, type SaveTablePart, TableCourierActor, TableParts } from '../../../actors/store/table-courier-actor.ts';
import type { SaveTable, TableSaved } from '../../../actors/topic/topic-registry-actor.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

class Store implements Actor<SaveTable | SaveTablePart> {
  readonly saved: string[] = [];
  isDead = false;
  readonly #parts = new TableParts();

  receive(message: SaveTable | SaveTablePart): void {
    if (this.isDead) return;
    const text = message.kind === 'save-table' ? message.text : this.#parts.take(message);
    if (message.kind === 'save-table-part' && text === null) {
      message.replyTo.tell({ kind: 'table-part-taken', save: message.save, part: message.part });
      return;
    }
    if (typeof text === 'string') this.saved.push(text);
    message.replyTo.tell({ kind: 'table-saved', name: message.name, ok: typeof text === 'string' });
  }
}

test('TableCourierActor brings small and large tables whole, in order of their coming', async (t) => {
  const simulation = new Simulation({ seed: 3 });
  const store = new Store();
  simulation.spawn('store', () => store);
  const courier = simulation.spawn('courier', () => new TableCourierActor() as Actor<SaveTable>);
  const probe = simulation.probe<TableSaved>();
  const large = Array.from({ length: 30_000 }, (_, index) => `topic-${index}é😀`).join(',');
  const other = 'y'.repeat(100_000);
  for (const text of [large, other, 'small']) courier.tell({ kind: 'save-table', name: 't.json', text, sync: true, replyTo: probe.ref });
  simulation.advance(10);
  t.equal(probe.received.length, 3);
  t.ok(probe.received.every((saved) => saved.ok));
  t.same(new Set(store.saved), new Set([large, other, 'small']));
  t.ok(store.saved.indexOf(large) < store.saved.indexOf(other));
  store.isDead = true;
  courier.tell({ kind: 'save-table', name: 't.json', text: large, sync: true, replyTo: probe.ref });
  simulation.advance(30_000);
  t.match(probe.received[3], { ok: false, error: /did not take part 1 of/ });
});

test('TableParts gives back what cutTable cut, and nothing of a broken row', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), fc.integer({ min: 2, max: 40 }), (text, size) => {
      const parts = cutTable(text, size);
      const collector = new TableParts();
      const whole = parts.map((part, index) => collector.take({ save: 1, part: index, parts: parts.length, text: part }));
      return whole.at(-1) === text && parts.every((part) => !/[\ud800-\udbff]$/.test(part) || part === parts.at(-1));
    }),
    { numRuns: 50 },
  );
  const collector = new TableParts();
  t.equal(collector.take({ save: 1, part: 0, parts: 3, text: 'a' }), null);
  t.equal(collector.take({ save: 2, part: 1, parts: 3, text: 'b' }), undefined, 'of another table');
  t.equal(collector.take({ save: 1, part: 1, parts: 3, text: 'b' }), undefined, 'the row was broken');
});
