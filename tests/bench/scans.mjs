// Rankings of a large catalogue without a model, in each build of the compact engine: in Node or in a page.

import { hasRelaxedSimd } from '../../pkg/dist/relaxed.js'
import { reader } from './limits.mjs'
import { against, alternate, beside, row } from './measure.mjs'
import { NOW } from './shop.mjs'

const WIDTH = 64
const ROUNDS = 100
const LIMIT = 100
const PEER = 'plain read of the vectors'
/** Target, in milliseconds. */
const MILLION_MS = 16

/** How many products each row ranks. */
export const SCANS = { scan_100000: 100_000, rank_1000000: 1_000_000 }

/**
 * The compact engine in the builds that run here, the one that a shop's page
 * would choose first. `script` is the address of the generated script, which is
 * loaded once for each; `wasm(name)` gives the bytes of a build.
 */
export async function builds(script, wasm) {
  const open = async (name) => {
    const glue = await import(/* @vite-ignore */ `${script}?${name}`)
    await glue.default({ module_or_path: await WebAssembly.compile(await wasm(name)) })
    return [name, glue]
  }
  return Promise.all((hasRelaxedSimd() ? ['relaxed', 'compact'] : ['compact']).map(open))
}

/** An engine with the catalogue whose files `read` gives, and a shopper who looked at 30 products of it. */
export async function engine(glue, read) {
  const engine = new glue.NearsideEngine()
  const manifest = await read('catalogue.json')
  engine.open_manifest(manifest)
  for (const { file } of JSON.parse(new TextDecoder().decode(manifest)).shards) engine.add_shard(await read(file))
  const report = engine.load_shards(NOW)
  for (let i = 0; i < 30; i++) {
    const items = [{ item_id: `${10_000_000 + i * 37}` }]
    engine.observe({ event: 'view_item', id: `view-${i}`, ts: NOW - 300_000 + i * 1000, items }, NOW)
  }
  return { engine, report }
}

function rank(engine) {
  const { retrieval, slate } = engine.rank({ placement: 'bench', limit: LIMIT, page: { type: 'home' }, seed: 1 }, NOW)
  if (retrieval.by !== 'content' || slate.length !== LIMIT) throw new Error(`ranked ${slate.length} by ${retrieval.by}`)
  return slate
}

/** The row `name` over the catalogue whose files `read` gives. */
export async function scan(name, builds, read) {
  const ads = SCANS[name]
  const times = {}
  const slates = []
  let bytesPerAd
  let peer
  // One after the other: each would meet caches that the other filled.
  for (const [build, glue] of builds) {
    const { engine: ours, report } = await engine(glue, read)
    bytesPerAd = report.bytes_per_ad
    slates.push(JSON.stringify(rank(ours)))
    const works = { ours: () => rank(ours), read: reader(ads * WIDTH) }
    const measured = await alternate(works, { rounds: ROUNDS, warmup: 20 })
    ours.free()
    times[build] = measured.ours
    peer ??= measured.read
  }
  if (slates.some((slate) => slate !== slates[0])) throw new Error(`the builds rank ${ads} ads differently`)
  const [[build], ...rest] = builds
  const ours = times[build]
  const others = rest.map(([other]) => beside(ours, `ours, ${other} build`, times[other]))
  const measured =
    name === 'scan_100000'
      ? row(name, ours, PEER, peer)
      : { ...against(name, ours, MILLION_MS), bytes_per_ad: bytesPerAd }
  if (name !== 'scan_100000') others.push(beside(ours, PEER, peer))
  const missing = rest.length === 0 ? ' alone, since relaxed SIMD is not at hand' : ''
  const note = `${name}: a slate of ${LIMIT}, from the profile on, by the ${build} build${missing}; ${bytesPerAd.toFixed(1)} bytes of memory an ad.`
  return { row: { ...measured, build, others }, note }
}
