// Model files for the facade's tests, from the conformance vectors.
import { readFile } from 'node:fs/promises'

export const vector = (name) => readFile(new URL(`../vectors/${name}.onnx`, import.meta.url))

/**
 * A sound model that only the full build runs: `content`, with Ceil, which the
 * compact build leaves out, in place of Relu. Its golden cases, now wrong, are
 * renamed away.
 */
export async function fullOnly() {
  const bytes = await vector('content')
  replace(bytes, '"\x04Relu', '"\x04Ceil')
  replace(bytes, 'nearside.golden', 'nearside.gilded')
  return bytes
}

/** Replaces every occurrence by text of the same length. */
function replace(bytes, from, to) {
  let at = bytes.indexOf(from, 0, 'latin1')
  if (at < 0 || from.length !== to.length) throw new Error(`${from} cannot be replaced by ${to}`)
  for (; at >= 0; at = bytes.indexOf(from, at + 1, 'latin1')) bytes.write(to, at, 'latin1')
}
