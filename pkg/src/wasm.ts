/**
 * The WebAssembly builds, opened. The only file that touches generated code.
 *
 * Each build has one instance per thread, shared by all engines there. After a
 * trap its memory cannot be trusted, so {@link WasmBuild.renew} replaces it;
 * engines of the old generation are then void.
 */

import { compile } from './compile.js'
import { EngineError } from './errors.js'
import type { BuildName } from './protocol.js'
import * as compact from './wasm/compact/nearside_compact.js'
import * as full from './wasm/full/nearside_full.js'

/** The class at the boundary; see the Rust crate `nearside-wasm`. */
export type RawEngine = compact.NearsideEngine

export interface WasmBuild {
  readonly name: BuildName
  /** Grows with every new instance. */
  readonly generation: number
  /** An engine without profile, catalogue or model. */
  create(): RawEngine
  /** Puts a new instance in place of one that trapped. */
  renew(): void
}

const glue = { compact, full }
const opened: { [K in BuildName]?: Promise<WasmBuild> | undefined } = {}

/** Opens a build; where this thread has it already, `source` is not used. */
export function openBuild(
  name: BuildName,
  source: Parameters<typeof compile>[1],
  signal?: AbortSignal,
): Promise<WasmBuild> {
  const build = (opened[name] ??= instantiate(name, source, signal))
  build.catch(() => {
    if (opened[name] === build) opened[name] = undefined
  })
  return build
}

async function instantiate(
  name: BuildName,
  source: Parameters<typeof compile>[1],
  signal: AbortSignal | undefined,
): Promise<WasmBuild> {
  const module = await compile(name, source, signal)
  const { default: init, initSync, NearsideEngine, __wbg_reset_state: reset } = glue[name]
  try {
    // Browsers limit what a page's thread may instantiate in one go; workers and Node have no such limit, and
    // in Node the asynchronous way asks for `Response`, behind which the whole HTTP client is read first.
    if (globalThis.document) await init({ module_or_path: module })
    else initSync({ module })
  } catch (cause) {
    throw new EngineError('wasm-unavailable', `the ${name} wasm build does not fit its script`, {
      field: `wasm.${name}`,
      remedy: 'Serve the .wasm file of the same release as the script',
      cause,
    })
  }
  let generation = 0
  return {
    name,
    get generation() {
      return generation
    },
    create: () => new NearsideEngine(),
    renew() {
      generation++
      try {
        reset()
      } catch {
        // Chromium's main thread refuses to instantiate over 8 MB in one go. The old
        // instance then goes on with a new engine, whose state is its own.
      }
    },
  }
}
