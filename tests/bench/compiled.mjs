// What `nearside compile` makes of a model file.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nearside } from '../wasm/native.mjs'

/** The compiled file's bytes. Tables stay float: what is compared are the scores of one model, not of its rounded form. */
export function compiled(bytes) {
  const folder = mkdtempSync(join(tmpdir(), 'nearside-compiled-'))
  try {
    const [from, to] = [join(folder, 'model.onnx'), join(folder, 'compiled.onnx')]
    writeFileSync(from, bytes)
    nearside('compile', from, '--out', to, '--int8-tables', 'false')
    return new Uint8Array(readFileSync(to))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
