/** What record-mover.ts uses of WebAssembly, which is described only together with a browser's globals. */
// biome-ignore lint/style/noNamespace: so are globals described
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum: number; readonly shared?: boolean });
    grow(pages: number): number;
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
  }
  class Module {
    constructor(code: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    readonly exports: unknown;
  }
  type Global = { readonly value: number };
  function validate(code: Uint8Array): boolean;
}
