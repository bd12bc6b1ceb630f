// The first slate from cold: page, script, worker, wasm, 1,000 products, model, ranking.
import { createEngine } from 'nearside'

async function run() {
  const engine = await createEngine({ catalogue: '/www/public/catalogue.json', model: '/www/public/model.onnx' })
  const { slate, candidates, fallback } = await engine.rank({ placement: 'picks' })
  const took = performance.now()
  if (candidates < 1000 || fallback !== null || slate.length === 0) throw new Error('no slate')
  return { took, runs: engine.runs }
}

run().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
