// The benchmark in Node: `node tests/bench/node.mjs [--out FILE] [--rows NAME,...] [--plot FILE]`, after `cargo xtask build`.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { createEngine } from 'nearside'
import * as ort from 'onnxruntime-web'
import * as compact from '../../pkg/dist/wasm/compact/nearside_compact.js'
import * as complete from '../../pkg/dist/wasm/full/nearside_full.js'
import { delta, withCatalogueOf } from './catalogues.mjs'
import { compiled } from './compiled.mjs'
import { encode } from './encode.mjs'
import { deliver, options, read, versioned } from './files.mjs'
import { firstSlates } from './first.mjs'
import { multiplying, reading } from './limits.mjs'
import { against, alternate, limit, row } from './measure.mjs'
import { observeRaw } from './observe.mjs'
import { full, onnxruntime, tensorflow } from './peers.mjs'
import { writePlot } from './plot.mjs'
import { race } from './race.mjs'
import { collect } from './rows.mjs'
import { SCALE, scaleRow } from './scale.mjs'
import { builds, scan, SCANS } from './scans.mjs'
import { catalogueFor, CONTESTS, MODELS } from './shop.mjs'
import { SLATES, slate } from './slates.mjs'

const asked = options()
const peer = versioned('onnxruntime-web')
ort.env.wasm.numThreads = 1

/** A generated module, opened. */
async function opened(glue, name) {
  const file = `pkg/dist/wasm/${name}/nearside_${name}_bg.wasm`
  await glue.default({ module_or_path: await WebAssembly.compile(await read(file)) })
  return glue
}

async function tensors() {
  setWasmPaths(fileURLToPath(new URL('../node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url)))
  setThreadsCount(1)
  await tf.setBackend('wasm')
  return tf
}

async function ranking(name) {
  const others = CONTESTS[name].network
    ? [full(await opened(complete, 'full')), tensorflow(await tensors(), versioned('@tensorflow/tfjs-backend-wasm'))]
    : []
  return race(name, { createEngine, read, compile: compiled, peer: onnxruntime(ort, peer), others })
}

/** One fresh process; its own measurement, since it alone knows when it began. */
function cold(who, { catalogue, model, placement, ads }) {
  const script = fileURLToPath(new URL('cold.mjs', import.meta.url))
  return Number(execFileSync(process.execPath, [script, who, catalogue, model, placement, ads], { encoding: 'utf8' }))
}

async function coldFirstSlate(name) {
  const { shops, remove } = await firstSlates()
  try {
    const shop = shops[name]
    const colds = { ours: [], theirs: [] }
    const once = (who) => () => colds[who].push(cold(who, shop))
    await alternate({ ours: once('ours'), theirs: once('theirs') }, { rounds: 15 })
    const note = `${name}: a fresh process each time; ours also reads ${shop.ads} products; no download time for either.`
    return { row: row(name, colds.ours, peer, colds.theirs), note }
  } finally {
    remove()
  }
}

/** One point of the plot, in a process of its own. */
function point(who, ads) {
  const script = fileURLToPath(new URL('point.mjs', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [script, who, ads], { encoding: 'utf8' }))
}

async function observing() {
  const catalogue = catalogueFor(MODELS[0], new TextDecoder().decode(await read('www/public/catalogue.json')))
  const times = observeRaw(await opened(compact, 'compact'), catalogue, 100)
  return { row: against('observe', times, 0.02), note: 'observe: inside the wasm, batches of 200.' }
}

async function encoding() {
  const note = 'encode_session: 20 steps and one ad, by a network of 43,097 items that `nearside train` wrote.'
  return { row: await encode({ glue: await opened(compact, 'compact'), ort, peer }), note }
}

async function scanning(name) {
  const script = new URL('../../pkg/dist/wasm/compact/nearside_compact.js', import.meta.url)
  const opened = await builds(script, (build) => read(`pkg/dist/wasm/${build}/nearside_${build}_bg.wasm`))
  return withCatalogueOf(name, (_, files) => scan(name, opened, files))
}

const measures = {
  ...Object.fromEntries(Object.keys(CONTESTS).map((name) => [name, () => ranking(name)])),
  ...Object.fromEntries(
    Object.keys(SLATES).map((name) => [name, () => slate(name, { createEngine, peer: onnxruntime(ort, peer) })]),
  ),
  ...Object.fromEntries(['cold_first_slate', 'cold_first_slate_10000'].map((name) => [name, () => coldFirstSlate(name)])),
  observe: observing,
  encode_session: encoding,
  ...Object.fromEntries(Object.keys(SCANS).map((name) => [name, () => scanning(name)])),
  delta_1000: async () => delta(await opened(compact, 'compact')),
  wasm_read: async () => ({ row: limit('wasm_read', await reading()) }),
  wasm_multiply_add: async () => ({ row: limit('wasm_multiply_add', await multiplying()) }),
}

const scales = Object.fromEntries(SCALE.map((ads) => [`scale_${ads}`, () => scaleRow(ads, point, peer)]))

console.error(`Node ${process.version}, medians.`)
console.error('rank_*: ours makes the features, scores, orders and explains; the others run the model alone on ready inputs.')
console.error('rank_10000_*: our engines run what `nearside compile` makes of the file that onnxruntime-web runs.')
console.error('slate_10000_*: the same in two stages, onnxruntime-web scoring all.')
const rows = await collect(measures, asked.rows, asked.plot ? scales : {})
if (asked.plot) writePlot(asked.plot, rows, `Node ${process.version}`)
deliver(rows, asked.out)
process.exit(0)
