// The race and `observe`, inside a page. Both engines run on the main thread.
import { createEngine } from 'nearside'
import * as ort from 'onnxruntime-web/wasm'
import * as glue from '../../../pkg/dist/wasm/compact/nearside_compact.js'
import { observeRaw } from '../observe.mjs'
import { race } from '../race.mjs'
import { catalogueFor, MODELS } from '../shop.mjs'

const read = async (path) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer())
const onMain = (options) => createEngine({ ...options, worker: false })

async function run() {
  ort.env.wasm.numThreads = 1
  const peer = new URLSearchParams(location.search).get('peer')
  const { rows, notes } = await race({ createEngine: onMain, ort, read, peer, rounds: 100, batch: 5 })
  await glue.default()
  const catalogue = catalogueFor(MODELS[0], new TextDecoder().decode(await read('www/public/catalogue.json')))
  return { rows, notes, observed: observeRaw(glue, catalogue, 50) }
}

run().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
