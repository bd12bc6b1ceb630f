// A small shop for the facade's tests: a catalogue, a fixed clock, and a way to start engines.
import { createEngine } from 'nearside'

/** 2026-11-24 10:00 UTC. */
export const MORNING = Date.UTC(2026, 10, 24, 10)

export const catalogue = {
  schema: 1,
  version: 'spring',
  currency: 'USD',
  products: [
    ['tv-1', 'Small television', '199 USD', 'Acme', 'Video > Televisions'],
    ['tv-2', 'Large television', '899 USD', 'Acme', 'Video > Televisions'],
    ['tv-3', 'Old television', '99 USD', 'Bolt', 'Video > Televisions'],
    ['radio-1', 'Kitchen radio', '29 USD', 'Bolt', 'Audio > Radios'],
    ['radio-2', 'World radio', '89 USD', 'Acme', 'Audio > Radios'],
    ['lamp-1', 'Desk lamp', '19 USD', 'Corvo', 'Home > Lamps'],
    ['lamp-2', 'Floor lamp', '49 USD', 'Corvo', 'Home > Lamps'],
  ].map(([id, title, price, brand, product_type]) => ({ id, title, price, brand, product_type })),
  campaigns: [
    { id: 'brand-week', advertiser: 'Bolt', bid: 0.5, creatives: [{ id: 'a', item_id: 'radio-1' }] },
  ],
  placements: [{ id: 'home', max_ads: 4 }],
}

export const viewed = (item_id, more = {}) => ({ event: 'view_item', items: [{ item_id }], ...more })

/** Starts an engine whose clock stands still, and disposes of it when the test ends. */
export async function start(t, options = {}) {
  const engine = await createEngine({ now: () => MORNING, ...options })
  t.after(() => engine.dispose())
  return engine
}
