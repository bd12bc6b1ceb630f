// What `nearside compile` writes, in the engines that shops and data scientists run it in: it scores as the original.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { golden, onnxruntime, wasm } from './engines.mjs'
import { nearside } from './native.mjs'
import { index, read, tensor } from './vectors.mjs'

/** How far a score may be off: sums of f32 in another order. */
const TOLERANCE = 1e-5

/** Runs with more ads add nothing to what the others show. */
const MOST_ADS = 1000

const folder = mkdtempSync(join(tmpdir(), 'nearside-compile-'))
after(() => rmSync(folder, { recursive: true }))

function compiled(name, ...options) {
  const out = join(folder, `${name}.onnx`)
  const original = fileURLToPath(new URL(`../vectors/${name}.onnx`, import.meta.url))
  nearside('compile', original, '--out', out, ...options)
  return readFileSync(out)
}

/** The original's inputs, with onnxruntime's scores for them. */
function* runs(name) {
  const bin = read(`${name}.bin`)
  for (const run of JSON.parse(read(`${name}.json`)).runs) {
    if (run.score.shape[0] > MOST_ADS) continue
    const inputs = Object.entries(run.inputs).map(([input, place]) => [input, tensor(bin, place)])
    yield { about: run.about, inputs: Object.fromEntries(inputs), score: tensor(bin, run.score).data }
  }
}

function agrees(got, expected, tolerance, about) {
  assert.equal(got.length, expected.length, about)
  const off = Math.max(...expected.map((score, ad) => Math.abs(score - got[ad])))
  assert.ok(off <= tolerance, `${about}: off by ${off}`)
}

async function engines(model) {
  return {
    'the compact wasm build': await wasm('compact', model),
    'the full wasm build': await wasm('full', model),
    'onnxruntime-web': await onnxruntime(model),
  }
}

// Its N is fixed, which no placement can promise.
for (const name of index.run.filter((name) => name !== 'mlp_expand_concat_fixed')) {
  test(`${name}, compiled, scores as the original in every engine`, async () => {
    for (const [engine, run] of Object.entries(await engines(compiled(name, '--int8-tables', 'false')))) {
      for (const { about, inputs, score } of runs(name)) agrees(await run(inputs), score, TOLERANCE, `${engine}, ${about}`)
    }
  })

  test(`${name}, rounded to whole numbers, gives its golden scores in every engine`, async () => {
    const model = compiled(name, '--int8-dense')
    for (const [engine, run] of Object.entries(await engines(model))) {
      for (const { inputs, score } of golden(model)) agrees(await run(inputs), score, TOLERANCE, engine)
    }
  })
}
