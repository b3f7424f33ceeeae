/** The SQL92 filters of a shard's pulls: each expression is compiled once and kept, up to a bound. */
import { compileSql, type SqlRefusal } from './compile-sql.ts';
import { RecordFilter } from './record-filter.ts';

/** Expressions kept; a broker has fewer. */
const KEPT_MAX = 1024;

export class SqlFilters {
  readonly #known: Map<string, RecordFilter | SqlRefusal> = new Map();

  /** The filter of an expression, or why it is none. */
  of(expression: string): RecordFilter | SqlRefusal {
    let filter = this.#known.get(expression);
    if (filter !== undefined) return filter;
    const compiled = compileSql(expression);
    filter = 'remark' in compiled ? compiled : new RecordFilter(compiled);
    if (this.#known.size >= KEPT_MAX) this.#known.clear();
    this.#known.set(expression, filter);
    return filter;
  }
}
