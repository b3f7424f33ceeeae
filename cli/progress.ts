/** Progress of long work: one line on a terminal's standard error, drawn again at most ten times a second; nothing elsewhere. */
import { formatCount } from './count-text.ts';
import { formatDuration } from './option-value.ts';
import { cutText } from './text-width.ts';

export type ProgressSink = { readonly hasProgress: boolean; readonly noteColumns: number; raw(text: string): void };

const REDRAW_MS = 100;
/** Work that is done sooner needs no line. */
const FIRST_DRAW_MS = 500;

export class Progress {
  readonly #sink: ProgressSink;
  readonly #what: string;
  /** undefined: nobody knows. */
  readonly #total: number | undefined;
  readonly #startedMs: number;
  #drawnMs: number;
  #isDrawn = false;

  constructor(sink: ProgressSink, what: string, total: number | undefined, nowMs: number) {
    this.#sink = sink;
    this.#what = what;
    this.#total = total;
    this.#startedMs = nowMs;
    this.#drawnMs = nowMs + FIRST_DRAW_MS - REDRAW_MS;
  }

  update(done: number, nowMs: number): void {
    if (!this.#sink.hasProgress || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    const line = progressLine(this.#what, done, this.#total, nowMs - this.#startedMs);
    this.#sink.raw(`\r${cutText(line, this.#sink.noteColumns - 1)}\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isDrawn) this.#sink.raw('\r\x1b[K');
    this.#isDrawn = false;
  }
}

/** `sent 1,200 of 5,000 (24 %), 600/s, 6 s left` */
export function progressLine(what: string, done: number, total: number | undefined, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0;
  const parts = [`${formatCount(Math.round(rate))}/s`];
  if (total === undefined) return `${what} ${formatCount(done)}, ${parts.join(', ')}`;
  if (rate > 0 && done < total) parts.push(`${formatDuration(((total - done) / rate) * 1000)} left`);
  const percent = total === 0 ? 100 : Math.floor((done * 100) / total);
  return `${what} ${formatCount(done)} of ${formatCount(total)} (${percent} %), ${parts.join(', ')}`;
}
