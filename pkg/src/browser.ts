/**
 * The engine in a page: in a worker where one starts, else on the main thread.
 */

import { compactUrl, fullUrl } from './assets.js'
import { compile } from './compile.js'
import { type Engine, type EngineOptions, type Platform, startEngine, type WasmSource } from './engine.js'
import { EngineError } from './errors.js'
import type { BuildName, PortableWasm } from './protocol.js'
import { connectWorker } from './remote.js'

const browser: Platform = {
  read: (url, signal) => fetch(url, signal ? { signal } : {}),

  async connect(options) {
    const { worker = 'auto', signal } = options
    const compact = source('compact', compactUrl, options)
    const full = source('full', fullUrl, options)
    // The worker's script and the wasm come over the network at the same time.
    const compiled = compile('compact', compact, signal)
    compiled.catch(() => {})
    if (worker !== false) {
      try {
        const client = await connectWorker()
        try {
          await client.start({ compact: await compiled, full: await portable('full', full) })
          return { client, runs: 'worker' }
        } catch (error) {
          client.terminate()
          throw error
        }
      } catch (error) {
        if (worker === true) throw error
      }
    }
    const module = await compiled
    const [{ Host }, { openBuild }] = await Promise.all([import('./host.js'), import('./wasm.js')])
    const open = (build: BuildName) => openBuild(build, build === 'compact' ? module : full)
    return { client: await Host.start(open, nextTask), runs: 'main' }
  },
}

/**
 * Starts an engine. Rejects with an {@link EngineError} if the wasm cannot be
 * loaded (`wasm-unavailable`, `wasm-blocked`), or if a catalogue or model in
 * `options` is refused; to go on without them, load them afterwards.
 */
export function createEngine(options: EngineOptions = {}): Promise<Engine> {
  return startEngine(browser, options)
}

function source(build: BuildName, home: () => string, options: EngineOptions): WasmSource {
  const given = options.wasm?.[build]
  if (given !== undefined) {
    return typeof given === 'string' ? new URL(given, globalThis.document?.baseURI) : given
  }
  try {
    return home()
  } catch (cause) {
    // A script that was inlined has no address that files could be beside.
    throw new EngineError('wasm-unavailable', `the ${build} wasm build has no address`, {
      field: `wasm.${build}`,
      remedy: `Pass its address as \`wasm.${build}\``,
      cause,
    })
  }
}

async function portable(build: BuildName, source: WasmSource): Promise<PortableWasm> {
  if (source instanceof URL) return source.href
  return source instanceof Response ? compile(build, source) : source
}

const nextTask = () => new Promise<void>((resolve) => setTimeout(resolve))
