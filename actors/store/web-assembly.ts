/** What record-mover.ts uses of WebAssembly, with types of its own: TypeScript describes it only together with a browser's globals. */

/** What its memories are counted in. */
export const WASM_PAGE_BYTES: number = 64 * 1024;

export interface WasmMemory {
  grow(pages: number): number;
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}
/** A compiled module: opaque. */
export type WasmModule = { readonly wasmModule: never };
export type WasmGlobal = { readonly value: number };

type WebAssembly = {
  readonly Memory: new (descriptor: { readonly initial: number; readonly maximum: number; readonly shared?: boolean }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, WasmMemory>>>>,
  ) => { readonly exports: unknown };
  validate(code: Uint8Array): boolean;
};

export const webAssembly: WebAssembly = (globalThis as unknown as { readonly WebAssembly: WebAssembly }).WebAssembly;
