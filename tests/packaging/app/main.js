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

const model = new URLSearchParams(location.search).get('model')
try {
  const engine = await createEngine({ catalogue })
  const observed = await engine.observe({ event: 'view_item', items: [{ item_id: 'radio' }] })
  const decision = await engine.rank({ placement: 'home' })
  window.seen = { runs: engine.runs, observed, decision }
  if (model) window.seen.model = await engine.loadModel(model)
} catch (error) {
  window.seen = EngineError.is(error) ? { error: error.toJSON() } : { error: String(error) }
}
