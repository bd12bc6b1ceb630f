// One first slate from cold, in this process: `node cold.mjs ours|theirs CATALOGUE MODEL PLACEMENT ADS`.
//
// Prints the milliseconds from before the first import to after the first
// answer. Node's own start is the same for both and not counted; files come
// from disk, so the time of the peer's larger download is not counted either.
//
// Ours reads catalogue and model and ranks. The peer reads the model and runs
// it on zeros of the right shape.

import { readFileSync } from 'node:fs'
import { zeros } from './zeros.mjs'

const [who, catalogue, model, placement, count] = process.argv.slice(2)
const ads = Number(count)

const contestants = {
  async ours() {
    const { createEngine } = await import('nearside')
    const engine = await createEngine({ catalogue: readFileSync(catalogue), model: readFileSync(model) })
    const { slate, candidates, fallback } = await engine.rank({ placement })
    return candidates >= ads && fallback === null && slate.length > 0
  },
  async theirs() {
    const ort = await import('onnxruntime-web')
    ort.env.wasm.numThreads = 1
    const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ['wasm'] })
    const { score } = await session.run(zeros(ort, session, ads))
    return score.data.length === ads
  },
}

const began = performance.now()
const answered = await contestants[who]()
const took = performance.now() - began
if (!answered) throw new Error(`${who} did not rank`)
console.log(took)
process.exit(0)
