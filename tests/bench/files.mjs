// Files of the repository, and where the results go.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

export const ROOT = new URL('../../', import.meta.url)

/** A file by its path from the repository's root. */
export const read = async (path) => new Uint8Array(readFileSync(new URL(path, ROOT)))

/** A package of the tests with its version. */
export function versioned(name) {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return `${name.replace(/^.*\//, '')} ${JSON.parse(readFileSync(manifest, 'utf8')).version}`
}

/**
 * What the command line says: `out`, a file for the results; `rows`, the names
 * of those to be measured; `plot`, a file for the plot.
 */
export function options() {
  const text = { type: 'string' }
  const { out, rows, plot } = parseArgs({ options: { out: text, rows: text, plot: text } }).values
  return { out, rows: rows?.split(','), plot }
}

/** Writes the results to the file `out`, or prints them. */
export function deliver(results, out) {
  const json = JSON.stringify(results, null, 1)
  if (out) writeFileSync(out, json)
  else console.log(json)
}
