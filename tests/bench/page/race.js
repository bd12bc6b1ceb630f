// One row, measured inside a page: `race.html?row=NAME&peer=NAME&tensorflow=NAME[&threads=N]`. All engines run on the main thread, but for the further threads asked for.
import * as tf from '@tensorflow/tfjs-core'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import tensorflowWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import { createEngine } from 'nearside'
import * as ort from 'onnxruntime-web/wasm'
import threadScript from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url'
import threadWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import * as compact from '../../../pkg/dist/wasm/compact/nearside_compact.js'
import compactWasm from '../../../pkg/dist/wasm/compact/nearside_compact_bg.wasm?url'
import * as complete from '../../../pkg/dist/wasm/full/nearside_full.js'
import completeWasm from '../../../pkg/dist/wasm/full/nearside_full_bg.wasm?url'
import { multiplying, reading } from '../limits.mjs'
import { against, limit } from '../measure.mjs'
import { observeRaw } from '../observe.mjs'
import { full, onnxruntime, tensorflow } from '../peers.mjs'
import { race } from '../race.mjs'
import { catalogueFor, CONTESTS, MODELS } from '../shop.mjs'

const asked = new URLSearchParams(location.search)
const read = async (path) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer())
const onMain = (options) => createEngine({ ...options, worker: false })

async function tensors() {
  // It wants an address for each of its builds, and on one thread uses this one.
  setWasmPaths(Object.fromEntries(['', '-simd', '-threaded-simd'].map((kind) => [`tfjs-backend-wasm${kind}.wasm`, tensorflowWasm])))
  setThreadsCount(1)
  await tf.setBackend('wasm')
  return tf
}

async function ranking(name) {
  const threads = Number(asked.get('threads') ?? 1)
  // Without it, onnxruntime would run on one thread and say nothing.
  if (threads > 1 && !crossOriginIsolated) throw new Error('the page may not share memory between threads')
  ort.env.wasm.numThreads = threads
  // A thread loads the script that its own code is in: bundled, that would be this page's.
  if (threads > 1) ort.env.wasm.wasmPaths = { mjs: threadScript, wasm: threadWasm }
  const others = []
  if (CONTESTS[name].network && threads === 1) {
    await complete.default({ module_or_path: completeWasm })
    others.push(full(complete), tensorflow(await tensors(), asked.get('tensorflow')))
  }
  const compile = () => read(`compiled/${name}.onnx`)
  return race(name, { createEngine: onMain, read, compile, peer: onnxruntime(ort, asked.get('peer')), others, coarse: true })
}

async function observing() {
  await compact.default({ module_or_path: compactWasm })
  const catalogue = catalogueFor(MODELS[0], new TextDecoder().decode(await read('www/public/catalogue.json')))
  return { row: against('observe', observeRaw(compact, catalogue, 50), 0.02) }
}

const measures = {
  ...Object.fromEntries(Object.keys(CONTESTS).map((name) => [name, () => ranking(name)])),
  observe: observing,
  wasm_read: async () => ({ row: limit('wasm_read', await reading()) }),
  wasm_multiply_add: async () => ({ row: limit('wasm_multiply_add', await multiplying()) }),
}

measures[asked.get('row')]().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
