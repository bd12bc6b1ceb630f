// wasm-bindgen's output, which only exists once the wasm is built. It is described
// here, so that the package compiles without it.

declare module '*/nearside_compact.js' {
  export { default, initSync, NearsideEngine, __wbg_reset_state } from '*/nearside_full.js'
}

declare module '*/nearside_full.js' {
  type Answers = import('./protocol.js').Answers

  export class NearsideEngine {
    constructor()
    observe(event: unknown, now_ms: number): Answers['observe']
    rank(request: unknown, now_ms: number): Answers['rank']
    feedback(feedback: unknown, now_ms: number): Answers['feedback']
    tell(statement: unknown, now_ms: number): void
    load_catalogue(bytes: Uint8Array, now_ms: number): Answers['loadCatalogue']
    open_manifest(bytes: Uint8Array): void
    add_shard(bytes: Uint8Array): void
    load_shards(now_ms: number): Answers['loadCatalogue']
    apply_delta(bytes: Uint8Array, now_ms: number): Answers['applyDelta']
    load_model(bytes: Uint8Array, now_ms: number): Answers['loadModel']
    unload_model(): void
    snapshot(): Uint8Array
    restore(bytes: Uint8Array): void
    forget(): void
    stats(now_ms: number): Answers['stats']
    free(): void
  }
  export function __wbg_reset_state(): void
  export function initSync(options: { module: WebAssembly.Module }): unknown
  export default function init(options: {
    module_or_path: WebAssembly.Module
  }): Promise<unknown>
}
