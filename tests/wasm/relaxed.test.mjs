// The compact engine in its two builds, with and without relaxed SIMD: the same scores and slates, to the bit.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'

import { hasRelaxedSimd } from '../../pkg/dist/relaxed.js'
import { open } from './engines.mjs'
import { nearside } from './native.mjs'
import { index, read, tensor } from './vectors.mjs'

const NOW = 1_795_514_400_000
const WIDTH = 64

// Node 20 has the instructions behind a flag, and compiles the one in question wrongly unless it optimises at once.
if (!hasRelaxedSimd()) ['--experimental-wasm-relaxed-simd', '--no-liftoff'].forEach((flag) => setFlagsFromString(flag))
const [plain, relaxed] = [await open('compact'), await open('relaxed')]

const folder = mkdtempSync(join(tmpdir(), 'nearside-relaxed-'))
after(() => rmSync(folder, { recursive: true }))

/** Whole numbers below 2^32, from a seed. */
function numbers(seed) {
  let state = seed
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
}

/** The files of a catalogue of more products than are all scored, some with vectors that reach both ends of what eight bits hold. */
function catalogue(seed, brought) {
  const next = numbers(seed)
  const small = () => (next() >>> 8) / 2 ** 23 - 1
  const embedding = () => Array.from({ length: WIDTH }, () => [small(), small(), 1, -1, 0][(next() >>> 16) % 5])
  const products = Array.from({ length: 2101 + (seed % 4) }, (_, i) => ({
    id: `p${i}`,
    title: `Thing ${(next() >>> 16) % 97} of kind ${(next() >>> 16) % 31}`,
    price: `${1 + ((next() >>> 16) % 500)} EUR`,
    ...(brought && { embedding: embedding() }),
  }))
  const at = join(folder, `${brought}-${seed}`)
  writeFileSync(`${at}.json`, JSON.stringify({ products, placements: [{ id: 'home', max_ads: 300 }] }))
  nearside('catalogue', 'build', `${at}.json`, '-o', at)
  return at
}

function slate({ NearsideEngine }, files, seed) {
  const engine = new NearsideEngine()
  const manifest = readFileSync(join(files, 'catalogue.json'))
  engine.open_manifest(manifest)
  for (const { file } of JSON.parse(manifest).shards) engine.add_shard(readFileSync(join(files, file)))
  engine.load_shards(NOW)
  const next = numbers(seed)
  for (let i = 0; i < 12; i++) {
    const items = [{ item_id: `p${(next() >>> 16) % 2101}` }]
    engine.observe({ event: 'view_item', id: `view-${i}`, ts: NOW - 60_000 + i * 1000, items }, NOW)
  }
  const decision = engine.rank({ placement: 'home', limit: 300, retrieve: 300, page: { type: 'home' }, seed: 1 }, NOW)
  engine.free()
  delete decision.elapsed_us
  return decision
}

for (const brought of [false, true]) {
  test(`both builds find the same ads by ${brought ? 'vectors of the catalogue' : 'hashed texts'}`, () => {
    for (let seed = 1; seed <= 6; seed++) {
      const files = catalogue(seed, brought)
      const found = slate(relaxed, files, seed)
      assert.equal(found.retrieval.by, 'content')
      assert.equal(found.slate.length, 300)
      assert.deepEqual(found, slate(plain, files, seed))
    }
  })
}

for (const name of index.run) {
  test(`both builds give the same scores of ${name}`, () => {
    const bin = read(`${name}.bin`)
    const networks = [plain, relaxed].map(({ NearsideNetwork }) => new NearsideNetwork(read(`${name}.onnx`)))
    for (const run of JSON.parse(read(`${name}.json`)).runs) {
      const inputs = Object.fromEntries(Object.entries(run.inputs).map(([key, at]) => [key, tensor(bin, at)]))
      const [a, b] = networks.map((network) => network.run(inputs))
      assert.deepEqual(a, b, run.about)
    }
    networks.forEach((network) => network.free())
  })
}
