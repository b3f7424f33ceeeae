/**
 * Ended offsets: which half messages, by their queue offsets, are ended: everything below `base`, and what is marked from there on. Pure.
 * A bit an offset in pages made when needed; a page that is full takes no memory.
 */

const PAGE_OFFSETS = 32_768;

type Page = { readonly bits: Uint8Array; count: number };

export class EndedOffsets {
  #base: number;
  /** By page number; null: all of it is ended. */
  readonly #pages: Map<number, Page | null> = new Map();
  #marked = 0;

  constructor(base: number) {
    this.#base = base;
  }

  /** Everything below it is ended. */
  get base(): number {
    return this.#base;
  }

  /** How many are ended from `base` on. */
  get marked(): number {
    return this.#marked;
  }

  has(offset: number): boolean {
    if (offset < this.#base) return true;
    const page = this.#pages.get(Math.floor(offset / PAGE_OFFSETS));
    if (page === undefined || page === null) return page === null;
    const at = offset % PAGE_OFFSETS;
    return (page.bits[at >> 3]! & (1 << (at & 7))) !== 0;
  }

  add(offset: number): void {
    if (this.has(offset)) return;
    const number = Math.floor(offset / PAGE_OFFSETS);
    let page = this.#pages.get(number);
    if (page === undefined || page === null) {
      page = { bits: new Uint8Array(PAGE_OFFSETS / 8), count: 0 };
      // What lies before the base in the first page counts as ended there too.
      for (let at = 0; at < PAGE_OFFSETS && number * PAGE_OFFSETS + at < this.#base; at++) mark(page, at);
      this.#pages.set(number, page);
    }
    mark(page, offset % PAGE_OFFSETS);
    this.#marked++;
    if (page.count === PAGE_OFFSETS) this.#pages.set(number, null);
  }

  /** It is not ended after all. */
  remove(offset: number): void {
    if (offset < this.#base || !this.has(offset)) return;
    const number = Math.floor(offset / PAGE_OFFSETS);
    let page = this.#pages.get(number);
    if (page === undefined || page === null) {
      page = { bits: new Uint8Array(PAGE_OFFSETS / 8).fill(0xff), count: PAGE_OFFSETS };
      this.#pages.set(number, page);
    }
    const at = offset % PAGE_OFFSETS;
    page.bits[at >> 3]! &= ~(1 << (at & 7));
    page.count--;
    this.#marked--;
  }

  /** The first offset from `from` on that is not ended, before `end`; `end` when there is none. */
  nextOpen(from: number, end: number): number {
    let offset = Math.max(from, this.#base);
    while (offset < end) {
      const number = Math.floor(offset / PAGE_OFFSETS);
      const page = this.#pages.get(number);
      if (page === undefined) return offset;
      const pageEnd = (number + 1) * PAGE_OFFSETS;
      if (page === null) offset = pageEnd;
      else {
        const { bits } = page;
        for (; offset < pageEnd && offset < end; offset++) {
          const at = offset % PAGE_OFFSETS;
          if ((at & 7) === 0 && bits[at >> 3] === 0xff) offset += 7;
          else if ((bits[at >> 3]! & (1 << (at & 7))) === 0) return offset;
        }
      }
    }
    return end;
  }

  /** Moves the base on to `base`; everything below it counts as ended from now on. */
  moveTo(base: number): void {
    if (base <= this.#base) return;
    for (let offset = this.#base; offset < base; ) {
      const number = Math.floor(offset / PAGE_OFFSETS);
      const page = this.#pages.get(number);
      const end = Math.min(base, (number + 1) * PAGE_OFFSETS);
      if (page === null) this.#marked -= end - offset;
      else if (page !== undefined) {
        for (let one = offset; one < end; one++) if (this.has(one)) this.#marked--;
      }
      offset = end;
      if (end === (number + 1) * PAGE_OFFSETS) this.#pages.delete(number);
    }
    this.#base = base;
  }
}

function mark(page: Page, at: number): void {
  const bit = 1 << (at & 7);
  if ((page.bits[at >> 3]! & bit) !== 0) return;
  page.bits[at >> 3]! |= bit;
  page.count++;
}
