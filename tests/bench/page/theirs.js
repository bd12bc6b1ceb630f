// The first scores from cold: page, script, wasm, model, one run on zeros.
import * as ort from 'onnxruntime-web/wasm'
import { zeros } from '../zeros.mjs'

async function run() {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create('/www/public/model.onnx', { executionProviders: ['wasm'] })
  const { score } = await session.run(zeros(ort, session))
  const took = performance.now()
  if (score.data.length !== 1000) throw new Error('no scores')
  return { took }
}

run().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
