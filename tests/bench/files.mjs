// Files of the repository, and where the results go.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

export const ROOT = new URL('../../', import.meta.url)

/** A file by its path from the repository's root. */
export const read = async (path) => new Uint8Array(readFileSync(new URL(path, ROOT)))

/** The peer with its version. */
export function peerName() {
  const manifest = new URL('../node_modules/onnxruntime-web/package.json', import.meta.url)
  return `onnxruntime-web ${JSON.parse(readFileSync(manifest, 'utf8')).version}`
}

/** Writes the results to the file that `--out` names, or prints them. */
export function deliver(results) {
  const { out } = parseArgs({ options: { out: { type: 'string' } } }).values
  const text = JSON.stringify(results, null, 1)
  if (out) writeFileSync(out, text)
  else console.log(text)
}
