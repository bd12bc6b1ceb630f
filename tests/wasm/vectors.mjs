// Reads `tests/vectors`; the format is described in tests/reference/README.md.

import { readFileSync } from 'node:fs'

const vectors = new URL('../vectors/', import.meta.url)

/** A file of the folder. */
export const read = (name) => readFileSync(new URL(name, vectors))

/** What there is. */
export const index = JSON.parse(read('index.json'))

/** A tensor of a case's binary file. */
export function tensor(bin, { element, shape, offset }) {
  const count = shape.reduce((a, b) => a * b, 1)
  const at = bin.byteOffset + offset
  if (element === 'int64') {
    const ids = new BigInt64Array(bin.buffer.slice(at, at + 8 * count))
    return { shape, data: Int32Array.from(ids, Number) }
  }
  return { shape, data: new Float32Array(bin.buffer.slice(at, at + 4 * count)) }
}
