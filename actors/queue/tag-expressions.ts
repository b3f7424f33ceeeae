/** The tag expressions that pulls bring with them: the codes of each are worked out once and kept, up to a bound. One a thread. */
import { MessageTextError } from '../../model/errors.ts';
import { javaHash } from '../../model/java-hash.ts';
import { parseTags } from '../../model/subscription.ts';

/** Expressions kept; a broker has fewer. */
const KEPT_MAX = 4096;

export class TagExpressions {
  readonly #known: Map<string, readonly number[]> = new Map();

  /** The codes of the tags wanted, empty: all; the same array each time. Or why the expression names none. */
  of(expression: string): readonly number[] | MessageTextError {
    let codes = this.#known.get(expression);
    if (codes !== undefined) return codes;
    try {
      codes = parseTags(expression).map(javaHash);
    } catch (error) {
      if (!(error instanceof MessageTextError)) throw error;
      return error;
    }
    if (this.#known.size >= KEPT_MAX) this.#known.clear();
    this.#known.set(expression, codes);
    return codes;
  }
}
