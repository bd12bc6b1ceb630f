// The reference vectors through the very files a shop serves.
//
// Each model runs on both engines and must agree with onnxruntime's committed
// answers; each hostile file must be refused with its code, and the engine
// that refused it must still rank.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

// Two frameworks that sum a few hundred float32 products in another order
// differ by some 1e-6; a wrong operator shows in the third digit.
const TOLERANCE = 1e-5

const vectors = new URL('../vectors/', import.meta.url)
const read = (name) => readFileSync(new URL(name, vectors))
const index = JSON.parse(read('index.json'))

async function open(build) {
  const folder = new URL(`../../pkg/dist/wasm/${build}/`, import.meta.url)
  const glue = await import(new URL(`nearside_${build}.js`, folder))
  glue.initSync({ module: readFileSync(new URL(`nearside_${build}_bg.wasm`, folder)) })
  return glue
}

function tensor(bin, { element, shape, offset }) {
  const count = shape.reduce((a, b) => a * b, 1)
  const at = bin.byteOffset + offset
  if (element === 'int64') {
    const ids = new BigInt64Array(bin.buffer.slice(at, at + 8 * count))
    return { shape, data: Int32Array.from(ids, Number) }
  }
  return { shape, data: new Float32Array(bin.buffer.slice(at, at + 4 * count)) }
}

function hostile({ name, generated }) {
  if (!generated) return read(`${name}.onnx`)
  const { head, node, count, tail } = generated
  const hex = (text) => Buffer.from(text, 'hex')
  const number = (n) => Buffer.from(String(n).padStart(6, '0'))
  const [a, b, c] = node.map(hex)
  const parts = [hex(head)]
  for (let i = 0; i < count; i++) parts.push(a, number(i), b, number(i + 1), c)
  return Buffer.concat([...parts, hex(tail)])
}

const catalogue = new TextEncoder().encode(
  JSON.stringify({
    products: ['guitar', 'amplifier', 'oven'].map((id) => ({ id, title: id, embedding: [1, 0, 0, 0, 0, 0, 0, 0] })),
    placements: [{ id: 'home' }],
  }),
)
const NOW = 1_795_514_400_000

for (const build of ['compact', 'full']) {
  const { NearsideEngine, NearsideNetwork } = await open(build)

  for (const name of index.run) {
    test(`${build}: ${name} gives onnxruntime's scores`, () => {
      const bin = read(`${name}.bin`)
      const network = new NearsideNetwork(read(`${name}.onnx`))
      for (const run of JSON.parse(read(`${name}.json`)).runs) {
        const inputs = Object.fromEntries(Object.entries(run.inputs).map(([key, at]) => [key, tensor(bin, at)]))
        const expected = tensor(bin, { element: 'float', ...run.score }).data
        const got = network.run(inputs)
        assert.equal(got.length, expected.length, run.about)
        got.forEach((score, i) => {
          const off = Math.abs(score - expected[i])
          assert.ok(off <= TOLERANCE * Math.max(1, Math.abs(expected[i])), `${run.about}: ad ${i} is off by ${off}`)
        })
      }
      network.free()
    })
  }

  for (const refusal of index.refuse) {
    test(`${build}: ${refusal.name} is refused and the old scorer stays`, () => {
      const codes = refusal.codes ?? [refusal.code]
      const engine = new NearsideEngine()
      engine.load_catalogue(catalogue, NOW)
      let thrown
      try {
        engine.load_model(hostile(refusal), NOW)
      } catch (error) {
        thrown = error
      }
      assert.ok(thrown, 'it was accepted')
      assert.ok(codes.includes(thrown.code), `${thrown.code}: ${thrown.message}`)
      assert.ok(thrown.remedy && thrown.message)
      const decision = engine.rank({ placement: 'home' }, NOW)
      assert.equal(decision.scorer.name, 'cosine')
      assert.equal(decision.slate.length, 3)
      engine.free()
    })
  }
}
