// One first slate from cold, in this process, by one of the two: `node cold.mjs ours|theirs`.
//
// Prints the milliseconds from before the first import to after the first
// answer. Node's own start is the same for both and not counted; files come
// from disk, so the time of the peer's larger download is not counted either.
//
// Ours reads 1,000 products and the model and ranks. The peer reads the model
// and runs it on zeros of the right shape.

import { readFileSync } from 'node:fs'
import { zeros } from './zeros.mjs'

const ROOT = new URL('../../', import.meta.url)
const MODEL = new URL('www/public/model.onnx', ROOT)

const contestants = {
  async ours() {
    const { createEngine } = await import('nearside')
    const catalogue = readFileSync(new URL('www/public/catalogue.json', ROOT))
    const engine = await createEngine({ catalogue, model: readFileSync(MODEL) })
    const { slate, candidates, fallback } = await engine.rank({ placement: 'picks' })
    return candidates >= 1000 && fallback === null && slate.length > 0
  },
  async theirs() {
    const ort = await import('onnxruntime-web')
    ort.env.wasm.numThreads = 1
    const session = await ort.InferenceSession.create(readFileSync(MODEL), { executionProviders: ['wasm'] })
    const { score } = await session.run(zeros(ort, session))
    return score.data.length === 1000
  },
}

const began = performance.now()
const answered = await contestants[process.argv[2]]()
const took = performance.now() - began
if (!answered) throw new Error(`${process.argv[2]} did not rank`)
console.log(took)
process.exit(0)
