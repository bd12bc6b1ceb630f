// Ranking a catalogue of any size by two towers: time and WebAssembly memory, one engine at a time.
//
// Each point is measured in a process or page of its own, since a memory does
// not shrink: `who` is `ours` or `theirs`. Ours holds catalogue, model and
// shopper; the peer holds the model, and is given ready inputs that it copies.

import { memoryBytes } from './memories.mjs'
import { largeCatalogue, sizesOf } from './large.mjs'
import { alternate, row } from './measure.mjs'
import { file, NETWORKS } from './networks.mjs'
import { numbers } from './random.mjs'
import { event, NOW, request } from './shop.mjs'

/** Numbers of ads. A catalogue in JSON cannot be larger than the longest string of JavaScript, which 1,000,000 are. */
export const SCALE = [1000, 3000, 10_000, 30_000, 100_000]

/** Runs that count: fewer where one takes long. */
const rounds = (ads) => Math.max(7, Math.min(60, Math.round(1_000_000 / ads)))

/** Milliseconds of each run, and bytes. */
export async function scale(who, ads, { createEngine, ort }) {
  const bytes = file(NETWORKS.towers.network, sizesOf(ads))
  const run = who === 'ours' ? await ours(ads, bytes, createEngine) : await theirs(ads, bytes, ort)
  const { work } = await alternate({ work: run }, { rounds: rounds(ads), warmup: 3 })
  return { times: work, bytes: memoryBytes() }
}

async function ours(ads, model, createEngine) {
  const made = largeCatalogue(ads)
  const engine = await createEngine({ catalogue: new TextEncoder().encode(JSON.stringify(made)), model, now: () => NOW })
  for (let n = 0; n < 12; n++) await engine.observe(event(made.products, n))
  return async () => {
    const { slate, candidates, fallback } = await engine.rank(request({ limit: 20 }))
    if (candidates !== ads || fallback !== null || slate.length !== 20) throw new Error(`no slate out of ${ads} ads`)
  }
}

async function theirs(ads, model, ort) {
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  const next = numbers(ads)
  const feeds = {}
  for (const { name, type, shape } of session.inputMetadata) {
    const dims = shape.map((dim) => (dim === 'N' ? ads : dim))
    const size = dims.reduce((a, b) => a * b, 1)
    feeds[name] = new ort.Tensor(type, Float32Array.from({ length: size }, next), dims)
  }
  return () => session.run(feeds)
}

/** The row of a number of ads: `point(who, ads)` measures in a process or page of its own. */
export async function scaleRow(ads, point, peer) {
  const [mine, other] = [await point('ours', ads), await point('theirs', ads)]
  const memory = { ads, ours_bytes: mine.bytes, peer_bytes: other.bytes, bytes_per_ad: Math.round(mine.bytes / ads) }
  return { row: { ...row(`scale_${ads}`, mine.times, peer, other.times), ...memory } }
}
