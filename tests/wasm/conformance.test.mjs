// The reference vectors through the very files a shop serves.
//
// Each model runs on both engines and must agree with onnxruntime's committed
// answers; each hostile file must be refused with its code, and the engine
// that refused it must still rank.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { open } from './engines.mjs'
import { index, read, tensor } from './vectors.mjs'

// Two frameworks that sum a few hundred float32 products in another order
// differ by some 1e-6; a wrong operator shows in the third digit.
const TOLERANCE = 1e-5

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
