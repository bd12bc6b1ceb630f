// One point of the plot: `scale.html?who=ours|theirs&ads=N`, on the main thread.
import { scale } from '../scale.mjs'
import { createEngine } from 'nearside'
import * as ort from 'onnxruntime-web/wasm'

const asked = new URLSearchParams(location.search)
ort.env.wasm.numThreads = 1

const onMain = (options) => createEngine({ ...options, worker: false })

scale(asked.get('who'), Number(asked.get('ads')), { createEngine: onMain, ort }).then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
