/** Another method in place of one of a class's, for planted bugs. Fails by throwing when there is none of that name. */

// biome-ignore lint/suspicious/noExplicitAny: a method of any class
export type Method = (this: any, ...given: any[]) => any;

/** Replaces a method of a class, and gives what puts it back. */
export function replaced(target: object, name: string, make: (former: Method) => Method): () => void {
  const methods = target as Record<string, Method>;
  const former = methods[name];
  if (former === undefined) throw new Error(`There is no method '${name}' to plant a bug in`);
  methods[name] = make(former);
  return () => {
    methods[name] = former;
  };
}

/** Puts all of them back. */
export function together(...undo: readonly (() => void)[]): () => void {
  return () => {
    for (const each of undo) each();
  };
}
