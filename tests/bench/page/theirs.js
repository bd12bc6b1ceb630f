// The first scores from cold: page, script, wasm, model, one run on zeros.
import * as ort from 'onnxruntime-web/wasm'
import { zeros } from '../zeros.mjs'

const asked = new URLSearchParams(location.search)

async function run() {
  ort.env.wasm.numThreads = 1
  const ads = Number(asked.get('ads'))
  const session = await ort.InferenceSession.create(asked.get('model'), { executionProviders: ['wasm'] })
  const { score } = await session.run(zeros(ort, session, ads))
  const took = performance.now()
  if (score.data.length !== ads) throw new Error('no scores')
  return { took }
}

run().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
