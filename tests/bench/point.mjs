// One point of the plot in this process: `node point.mjs ours|theirs ADS` prints `{ times, bytes }`.

import { scale } from './scale.mjs'

const [who, ads] = process.argv.slice(2)
const { createEngine } = await import('nearside')
const ort = await import('onnxruntime-web')
ort.env.wasm.numThreads = 1
console.log(JSON.stringify(await scale(who, Number(ads), { createEngine, ort })))
process.exit(0)
