// The smallest shop. What it saw is left in `window.seen` for the test.
import { createEngine, EngineError } from 'nearside'

const catalogue = {
  schema: 1,
  version: 'packaging',
  currency: 'USD',
  products: [
    { id: 'tv', title: 'Television', price: '300 USD', brand: 'Acme', product_type: 'Video > Televisions' },
    { id: 'radio', title: 'Radio', price: '30 USD', brand: 'Acme', product_type: 'Audio > Radios' },
  ],
  placements: [{ id: 'home', max_ads: 2, exclude: [] }],
}

const asked = new URLSearchParams(location.search)
const model = asked.get('model')
const worker = JSON.parse(asked.get('worker') ?? '"auto"')
try {
  const engine = await createEngine({ catalogue, worker })
  const observed = await engine.observe({ event: 'view_item', items: [{ item_id: 'radio' }] })
  const decision = await engine.rank({ placement: 'home' })
  const seen = { runs: engine.runs, observed, decision }
  if (model) {
    const report = await engine.loadModel(model)
    const again = await engine.rank({ placement: 'home' })
    Object.assign(seen, { report, again })
  }
  await engine.dispose()
  window.seen = seen
} catch (error) {
  window.seen = EngineError.is(error) ? { error: error.toJSON() } : { error: String(error) }
}
