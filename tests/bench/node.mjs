// The benchmark in Node: `node tests/bench/node.mjs [--out FILE]`, after `cargo xtask build`.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createEngine } from 'nearside'
import * as ort from 'onnxruntime-web'
import * as glue from '../../pkg/dist/wasm/compact/nearside_compact.js'
import { encode } from './encode.mjs'
import { deliver, peerName, read } from './files.mjs'
import { against, alternate, row } from './measure.mjs'
import { observeRaw } from './observe.mjs'
import { race } from './race.mjs'
import { catalogueFor, MODELS } from './shop.mjs'

const peer = peerName()
ort.env.wasm.numThreads = 1

const { rows, notes } = await race({ createEngine, ort, read, peer, rounds: 300, batch: 1 })

/** One fresh process; its own measurement, since it alone knows when it began. */
function cold(who) {
  const script = fileURLToPath(new URL('cold.mjs', import.meta.url))
  return Number(execFileSync(process.execPath, [script, who], { encoding: 'utf8' }))
}
const colds = { ours: [], theirs: [] }
await alternate({ ours: () => colds.ours.push(cold('ours')), theirs: () => colds.theirs.push(cold('theirs')) }, { rounds: 15 })
rows.push(row('cold_first_slate', colds.ours, peer, colds.theirs))

await glue.default({ module_or_path: await WebAssembly.compile(await read('pkg/dist/wasm/compact/nearside_compact_bg.wasm')) })
const catalogue = catalogueFor(MODELS[0], new TextDecoder().decode(await read('www/public/catalogue.json')))
rows.push(against('observe', observeRaw(glue, catalogue, 100), 0.02))
rows.push(await encode({ glue, ort, peer }))

console.error(`Node ${process.version}, medians; ${notes.join('; ')}.`)
console.error('rank_1000: ours makes the features, scores, orders and explains; the peer runs the model alone on ready inputs.')
console.error('cold_first_slate: a fresh process each time; ours also reads 1,000 products; no download time for either.')
console.error('observe: inside the wasm, batches of 200.')
console.error('encode_session: 20 steps and one ad, by a network of 43,097 items that `nearside train` wrote.')
deliver(rows)
process.exit(0)
