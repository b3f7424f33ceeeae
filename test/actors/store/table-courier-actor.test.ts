import fc from 'fast-check';
import { test } from 'tap';
import type { SaveTable, TableSaved } from '../../../actors/store/store-messages.ts';
import { cutTable, TableCourierActor } from '../../../actors/store/table-courier-actor.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

/** Puts parts together as the store actor does, and answers with the last. */
class Store implements Actor<SaveTable> {
  readonly saved: string[] = [];
  #text = '';

  receive({ name, text, part = 0, parts = 1, replyTo }: SaveTable): void {
    this.#text = part === 0 ? text : this.#text + text;
    if (part < parts - 1) return;
    this.saved.push(this.#text);
    replyTo.tell({ kind: 'table-saved', name, ok: true });
  }
}

test('TableCourierActor brings tables of any size whole, in order, through a mailbox that is full again and again', async (t) => {
  const simulation = new Simulation({ seed: 3 });
  const store = new Store();
  simulation.spawn('store', () => store, { mailboxMax: 3 });
  const courier = simulation.spawn('courier', () => new TableCourierActor() as Actor<SaveTable>);
  const probe = simulation.probe<TableSaved>();
  const large = Array.from({ length: 30_000 }, (_, index) => `topic-${index}é😀`).join(',');
  const other = 'y'.repeat(100_000);
  for (const text of [large, other, 'small', ''])
    courier.tell({ kind: 'save-table', name: 't.json', text, sync: true, replyTo: probe.ref });
  simulation.advance(200);
  t.equal(probe.received.length, 4);
  t.ok(probe.received.every((saved) => saved.ok));
  t.same(store.saved, [large, other, 'small', '']);
});

test('TableCourierActor answers for a store that takes nothing for 20 s', async (t) => {
  const simulation = new Simulation({ seed: 3 });
  simulation.spawn('store', () => new Store(), { mailboxMax: 0 });
  const courier = simulation.spawn('courier', () => new TableCourierActor() as Actor<SaveTable>);
  const probe = simulation.probe<TableSaved>();
  courier.tell({ kind: 'save-table', name: 't.json', text: 'x', sync: true, replyTo: probe.ref });
  simulation.advance(19_000);
  t.same(probe.received, []);
  simulation.advance(1_100);
  t.match(probe.received, [{ ok: false, error: /took nothing for 20000 ms, at part 1 of 1/ }]);
});

test('cutTable loses nothing and keeps surrogate pairs whole', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), fc.integer({ min: 2, max: 40 }), (text, size) => {
      const parts = cutTable(text, size);
      return parts.join('') === text && parts.every((part) => part.isWellFormed());
    }),
    { numRuns: 100 },
  );
  t.same(cutTable(''), ['']);
});

test('TableCourierActor brings a table again when the store has died with it', async (t) => {
  const simulation = new Simulation({ seed: 3 });
  let lives = 0;
  const saved: string[] = [];
  const create = (): Actor<SaveTable> => {
    const isFirst = lives++ === 0;
    return {
      receive: ({ name, text, replyTo }) => {
        if (isFirst) throw new Error('its disk call was its last');
        saved.push(text);
        replyTo.tell({ kind: 'table-saved', name, ok: true });
      },
    };
  };
  // As a thread does: it is gone, and what comes next finds its successor.
  simulation.register('store', { create, restart: 'temporary' });
  const courier = simulation.spawn('courier', () => new TableCourierActor() as Actor<SaveTable>);
  const probe = simulation.probe<TableSaved>();
  courier.tell({ kind: 'save-table', name: 't.json', text: 'offsets', sync: true, replyTo: probe.ref });
  simulation.advance(100);
  t.same(saved, ['offsets']);
  t.match(probe.received, [{ ok: true }]);
});
