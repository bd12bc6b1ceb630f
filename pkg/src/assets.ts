/**
 * Where this package's other files are. Bundlers find and copy them by the
 * literal expressions below.
 */

import { hasRelaxedSimd } from './relaxed.js'

/**
 * Up to version 7, Vite's dev server runs a dependency from a cache folder
 * that holds its scripts, but not the files beside them. The package itself
 * lies where it was installed, two folders up. Returns its `dist/`, or
 * undefined where nothing needs mending.
 */
export function installedFolder(script: string): string | undefined {
  const modules = /^(.*\/node_modules\/)\.vite[^/]*\/deps[^/]*\//.exec(script)?.[1]
  return modules && `${modules}nearside/dist/`
}

const mended = installedFolder(import.meta.url)

/** Address of the compact build that this browser runs fastest. */
export function compactUrl(): string {
  return hasRelaxedSimd() ? relaxedUrl() : plainUrl()
}

function relaxedUrl(): string {
  const url = new URL('./wasm/relaxed/nearside_relaxed_bg.wasm', import.meta.url)
  return mended ? `${mended}wasm/relaxed/nearside_relaxed_bg.wasm` : url.href
}

function plainUrl(): string {
  const url = new URL('./wasm/compact/nearside_compact_bg.wasm', import.meta.url)
  return mended ? `${mended}wasm/compact/nearside_compact_bg.wasm` : url.href
}

/** Address of the full build. */
export function fullUrl(): string {
  const url = new URL('./wasm/full/nearside_full_bg.wasm', import.meta.url)
  return mended ? `${mended}wasm/full/nearside_full_bg.wasm` : url.href
}

/** Starts the worker's script. Throws where the page may not. */
export function spawnWorker(): Worker {
  return mended
    ? new Worker(`${mended}worker.js`, { type: 'module' })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
}
