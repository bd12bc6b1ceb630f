// Large catalogues inside the WebAssembly build: ranking 100,000 and 1,000,000 ads without a model, and a delta.
//
// The products are made up; what is timed does not depend on what they are. Content vectors are hashed from their texts,
// 64 numbers of eight bits.

import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { nearside } from '../wasm/native.mjs'
import { reader } from './limits.mjs'
import { against, alternate, row } from './measure.mjs'
import { NOW } from './shop.mjs'

const WIDTH = 64
const ROUNDS = 100
const CHANGED = 1000
/** Targets, in milliseconds. */
const MILLION_MS = 16
const DELTA_MS = 5

const WORDS = ['lamp', 'guitar', 'oven', 'phone', 'cable', 'chair', 'table', 'book', 'radio', 'drum', 'shoe', 'coat']

/** Writes a catalogue of `count` products; of `dearer` of them, spread evenly, the price is another. */
async function write(path, count, version, dearer = 0) {
  const file = createWriteStream(path)
  const placements = JSON.stringify([{ id: 'bench', max_ads: 1000, exclude: [] }])
  file.write(`{"schema":1,"version":"${version}","currency":"EUR","placements":${placements},"products":[`)
  const every = dearer ? Math.floor(count / dearer) : count + 1
  let text = ''
  for (let i = 0; i < count; i++) {
    const hash = Math.imul(i + 1, 2_654_435_761) >>> 0
    text += `${i ? ',' : ''}${JSON.stringify({
      id: `${10_000_000 + i}`,
      title: `${WORDS[hash % 12]} ${WORDS[(hash >>> 8) % 12]} ${hash % 997}`,
      product_type: `D${hash % 20} > C${hash % 1000}`,
      brand: `B${(hash >>> 12) % 2000}`,
      price: (hash % 50_000) / 100 + (i % every === every - 1 ? 1 : 0),
    })}`
    if (text.length > 1e6) {
      if (!file.write(text)) await once(file, 'drain')
      text = ''
    }
  }
  file.end(`${text}]}`)
  await once(file, 'finish')
}

/** An engine with the catalogue of a folder, and a shopper who looked at 30 products of it. */
function engine(glue, folder) {
  const engine = new glue.NearsideEngine()
  const manifest = readFileSync(join(folder, 'catalogue.json'))
  engine.open_manifest(manifest)
  for (const { file } of JSON.parse(manifest).shards) engine.add_shard(readFileSync(join(folder, file)))
  const report = engine.load_shards(NOW)
  for (let i = 0; i < 30; i++) {
    const items = [{ item_id: `${10_000_000 + i * 37}` }]
    engine.observe({ event: 'view_item', id: `view-${i}`, ts: NOW - 300_000 + i * 1000, items }, NOW)
  }
  return { engine, report }
}

function rank(engine, limit) {
  const { retrieval, slate } = engine.rank({ placement: 'bench', limit, page: { type: 'home' }, seed: 1 }, NOW)
  if (retrieval.by !== 'content' || slate.length !== limit) throw new Error(`ranked ${slate.length} by ${retrieval.by}`)
}

/** Runs `use` with a folder in which catalogues are built and deltas made; it is gone afterwards. */
async function withCatalogues(use) {
  const folder = mkdtempSync(join(tmpdir(), 'nearside-catalogues-'))
  const at = (name) => join(folder, name)
  const build = async (count, version, dearer) => {
    await write(at(`${version}.json`), count, version, dearer)
    nearside('catalogue', 'build', at(`${version}.json`), '-o', at(version))
    rmSync(at(`${version}.json`))
    return at(version)
  }
  const delta = (from, to) => {
    nearside('catalogue', 'delta', join(from, 'catalogue.json'), join(to, 'catalogue.json'), '-o', at('delta.bin'))
    return readFileSync(at('delta.bin'))
  }
  try {
    return await use(build, delta)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The row `scan_100000`: the best 100 of 100,000 ads. `glue` is the generated module, opened. */
export function scan(glue) {
  return withCatalogues(async (build) => {
    const { engine: ours } = engine(glue, await build(100_000, 'one'))
    const works = { ours: () => rank(ours, 100), theirs: reader(100_000 * WIDTH) }
    const times = await alternate(works, { rounds: ROUNDS, warmup: 20 })
    ours.free()
    return {
      row: row('scan_100000', times.ours, 'plain read of the vectors', times.theirs),
      note: 'scan_100000: the whole ranking, from the profile to a slate of 100; the peer only reads the same bytes.',
    }
  })
}

/** The row `rank_1000000`, with the bytes of memory that an ad takes. */
export function rankMillion(glue) {
  return withCatalogues(async (build) => {
    const { engine: ours, report } = engine(glue, await build(1_000_000, 'million'))
    const { times } = await alternate({ times: () => rank(ours, 100) }, { rounds: ROUNDS, warmup: 10 })
    ours.free()
    return {
      row: { ...against('rank_1000000', times, MILLION_MS), bytes_per_ad: report.bytes_per_ad },
      note: `rank_1000000: a slate of 100; ${report.bytes_per_ad.toFixed(1)} bytes of memory an ad.`,
    }
  })
}

/** The row `delta_1000`: so many other prices among 100,000 products, there and back. */
export function delta(glue) {
  return withCatalogues(async (build, deltaOf) => {
    const [one, two] = [await build(100_000, 'one'), await build(100_000, 'two', CHANGED)]
    const { engine: ours } = engine(glue, one)
    const deltas = [deltaOf(one, two), deltaOf(two, one)]
    let round = 0
    const apply = () => {
      const { changed } = ours.apply_delta(deltas[round++ % 2], NOW)
      if (changed !== CHANGED) throw new Error(`${changed} products changed, not ${CHANGED}`)
    }
    const { times } = await alternate({ times: apply }, { rounds: ROUNDS, warmup: 4 })
    ours.free()
    return { row: against('delta_1000', times, DELTA_MS), note: 'delta_1000: prices, with no model in force.' }
  })
}
