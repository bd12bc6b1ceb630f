// The first slate from cold: page, script, worker, wasm, catalogue, model, ranking.
import { createEngine } from 'nearside'

const asked = new URLSearchParams(location.search)

async function run() {
  const [catalogue, model, placement] = ['catalogue', 'model', 'placement'].map((name) => asked.get(name))
  const engine = await createEngine({ catalogue, model, ...(asked.has('main') && { worker: false }) })
  const { slate, candidates, fallback } = await engine.rank({ placement })
  const took = performance.now()
  if (candidates < Number(asked.get('ads')) || fallback !== null || slate.length === 0) throw new Error('no slate')
  return { took, runs: engine.runs }
}

run().then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
