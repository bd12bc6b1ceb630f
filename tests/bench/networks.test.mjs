import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as ort from 'onnxruntime-web'
import { file, INPUTS, NETWORKS } from './networks.mjs'
import { onnxruntime, tensorflow } from './peers.mjs'
import { numbers } from './random.mjs'

const ADS = 5
const sizes = { items: ADS, categories: 3, brands: 4 }

/** Any values that the network may be given; some steps are padding. */
function anyInputs(next) {
  const id = (most) => Math.max(0, Math.round(next() * most))
  const most = { item: sizes.items, category: sizes.categories, brand: sizes.brands }
  return Object.fromEntries(
    Object.entries(INPUTS).map(([name, [type, shape]]) => {
      const dims = shape.map((dim) => (dim === 'N' ? ADS : dim))
      const one = type === 'int64' ? () => id(most[name.split('.')[1]]) : next
      return [name, { type, dims, values: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, one) }]
    }),
  )
}

test('a network computes the same from its file and in operations of TensorFlow.js', async () => {
  ort.env.wasm.numThreads = 1
  setWasmPaths(fileURLToPath(new URL('../node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url)))
  await tf.setBackend('wasm')
  const all = anyInputs(numbers(1))
  for (const [name, network] of Object.entries(NETWORKS)) {
    const bytes = file(network.network, sizes)
    const { inputNames } = await ort.InferenceSession.create(bytes)
    const inputs = Object.fromEntries(inputNames.map((input) => [input, all[input]]))
    const given = { shop: { bytes, sizes }, inputs, network }
    const [theirs, others] = [await onnxruntime(ort, '').open(given), await tensorflow(tf, '').open(given)]
    const [scores, same] = [await theirs.scores(), await others.scores()]
    assert.equal(scores.length, ADS)
    assert.ok(new Set(scores).size > 1, `${name} tells ads apart`)
    scores.forEach((score, ad) => assert.ok(Math.abs(score - same[ad]) <= 1e-5, `${name}: ${score} and ${same[ad]}`))
  }
})
