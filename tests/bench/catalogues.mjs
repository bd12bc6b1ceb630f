// Large catalogues inside the WebAssembly build: ranking 100,000 and 1,000,000 ads without a model, and a delta.
//
// The products are made up; what is timed does not depend on what they are. Content vectors are hashed from their texts,
// 64 numbers of eight bits.

import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { nearside } from '../wasm/native.mjs'
import { against, alternate, row } from './measure.mjs'
import { NOW } from './shop.mjs'

const WIDTH = 64
const CHANGED = 1000
/** Targets, in milliseconds. */
const MILLION_MS = 16
const DELTA_MS = 5

/**
 * `(module (memory (export "memory") 1) (func (export "read") (param $bytes i32) (result i64) ...))`: the function xors
 * that many bytes from address 0, four vectors of 16 bytes a turn. The least that a scan can cost.
 */
const READ = Buffer.from(
  'AGFzbQEAAAABBgFgAX8BfgMCAQAFAwEAAQcRAgZtZW1vcnkCAARyZWFkAAAKUwFRAgF/AnsDQCACIAH9AAQA/VEhAiADIAH9AAQQ/VEhAyACIAH9' +
    'AAQg/VEhAiADIAH9AAQw/VEhAyABQcAAaiEBIAEgAEkNAAsgAiAD/VH9HQAL',
  'base64',
)

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
  if (retrieval.by !== 'scan' || slate.length !== limit) throw new Error(`ranked ${slate.length} by ${retrieval.by}`)
}

/** The rows, and the bytes of memory that an ad of the largest catalogue takes. `glue` is the generated module, opened. */
export async function catalogues({ glue, rounds = 100 }) {
  const folder = mkdtempSync(join(tmpdir(), 'nearside-catalogues-'))
  const at = (name) => join(folder, name)
  const build = async (count, version, dearer) => {
    await write(at(`${version}.json`), count, version, dearer)
    nearside('catalogue', 'build', at(`${version}.json`), '-o', at(version))
    rmSync(at(`${version}.json`))
  }
  const delta = (from, to) => {
    nearside('catalogue', 'delta', at(`${from}/catalogue.json`), at(`${to}/catalogue.json`), '-o', at('delta.bin'))
    return readFileSync(at('delta.bin'))
  }
  try {
    await build(100_000, 'one')
    await build(100_000, 'two', CHANGED)
    await build(1_000_000, 'million')

    const { engine: hundred } = engine(glue, at('one'))
    const { memory, read } = new WebAssembly.Instance(new WebAssembly.Module(READ)).exports
    const bytes = 100_000 * WIDTH
    memory.grow(Math.ceil(bytes / 65_536))
    // Pages that were never written are all one and the same, which would be read from the nearest cache.
    new Uint8Array(memory.buffer).fill(1)
    const scan = await alternate({ ours: () => rank(hundred, 100), theirs: () => read(bytes) }, { rounds, warmup: 20 })

    const deltas = [delta('one', 'two'), delta('two', 'one')]
    let round = 0
    const apply = () => {
      const { changed } = hundred.apply_delta(deltas[round++ % 2], NOW)
      if (changed !== CHANGED) throw new Error(`${changed} products changed, not ${CHANGED}`)
    }
    const applied = await alternate({ apply }, { rounds, warmup: 4 })
    hundred.free()

    const { engine: million, report } = engine(glue, at('million'))
    const ranked = await alternate({ rank: () => rank(million, 100) }, { rounds, warmup: 10 })
    million.free()
    return {
      rows: [
        row('scan_100000', scan.ours, 'plain read of the same bytes', scan.theirs),
        against('rank_1000000', ranked.rank, MILLION_MS),
        against('delta_1000', applied.apply, DELTA_MS),
      ],
      bytesPerAd: report.bytes_per_ad,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
