/**
 * The engine in Node: in-process, with the wasm read from disk.
 */

import { readFile } from 'node:fs/promises'
import { type Engine, type EngineOptions, type Platform, startEngine } from './engine.js'
import { EngineError } from './errors.js'
import { Host } from './host.js'
import type { BuildName } from './protocol.js'
import { hasRelaxedSimd } from './relaxed.js'
import { openBuild } from './wasm.js'

export { EngineError }

const node: Platform = {
  read: async (url, signal) =>
    url.protocol === 'file:' ? readFile(url) : fetch(url, signal ? { signal } : {}),

  async connect({ wasm }) {
    const open = async (build: BuildName) => openBuild(build, wasm?.[build] ?? (await fromDisk(build)))
    return { client: await Host.start(open), runs: 'node' }
  },
}

/** {@inheritDoc browser.createEngine} */
export function createEngine(options: EngineOptions = {}): Promise<Engine> {
  return startEngine(node, options)
}

function fileOf(build: BuildName): URL {
  if (build === 'full') return new URL('./wasm/full/nearside_full_bg.wasm', import.meta.url)
  return hasRelaxedSimd()
    ? new URL('./wasm/relaxed/nearside_relaxed_bg.wasm', import.meta.url)
    : new URL('./wasm/compact/nearside_compact_bg.wasm', import.meta.url)
}

async function fromDisk(build: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const file = fileOf(build)
  try {
    return new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new EngineError('wasm-unavailable', `the ${build} wasm build is not where it was installed`, {
      field: `wasm.${build}`,
      value: file.href,
      remedy: `Keep nearside out of the server's bundle, or pass the bytes as \`wasm.${build}\``,
      cause,
    })
  }
}
