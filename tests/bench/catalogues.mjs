// Large catalogues as files, for rankings without a model (scans.mjs) and a delta.
//
// The products are made up; what is timed does not depend on what they are. Content vectors are hashed from their texts,
// 64 numbers of eight bits.

import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { nearside } from '../wasm/native.mjs'
import { against, alternate } from './measure.mjs'
import { engine, SCANS } from './scans.mjs'
import { NOW } from './shop.mjs'

const ROUNDS = 100
const CHANGED = 1000
/** Target, in milliseconds. */
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

/** Reads the files of a folder. */
const filesOf = (folder) => (file) => readFileSync(join(folder, file))

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

/** Runs `use` with the folder of a row's catalogue, and a function that reads its files. */
export function withCatalogueOf(name, use) {
  return withCatalogues(async (build) => {
    const folder = await build(SCANS[name], name)
    return use(folder, filesOf(folder))
  })
}

/** The row `delta_1000`: so many other prices among 100,000 products, there and back. */
export function delta(glue) {
  return withCatalogues(async (build, deltaOf) => {
    const [one, two] = [await build(100_000, 'one'), await build(100_000, 'two', CHANGED)]
    const { engine: ours } = await engine(glue, filesOf(one))
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
