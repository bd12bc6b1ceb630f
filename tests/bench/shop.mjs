// What both engines are given: 1,000 products, a shopper, a request, three models.

/** 2026-11-24 10:00 UTC. */
export const NOW = Date.UTC(2026, 10, 24, 10)

/** Competing for the placement `bench`. */
export const ADS = 1000

/** Width of the content vectors that the vectors' models were made for. */
const WIDTH = 8

/**
 * The models, by the end of the row's name. `path` is from the repository's
 * root; `embedding` says that the catalogue has to bring vectors as wide as the
 * model wants.
 */
export const MODELS = [
  { suffix: '', path: 'www/public/model.onnx', embedding: false },
  { suffix: '_two_towers', path: 'tests/vectors/two_towers.onnx', embedding: true },
  { suffix: '_mlp_expand_concat', path: 'tests/vectors/mlp_expand_concat.onnx', embedding: true },
]

/** The demo's catalogue with one placement for which every product competes. */
export function catalogueFor(model, text) {
  const { products, campaigns, ...rest } = JSON.parse(text)
  return {
    ...rest,
    products: products.map((product, i) => (model.embedding ? { ...product, embedding: embedding(i) } : product)),
    placements: [{ id: 'bench', max_ads: ADS, exclude: [] }],
  }
}

/** A vector without any pattern that an engine could gain by. */
function embedding(i) {
  return Array.from({ length: WIDTH }, (_, k) => Math.sin(12.9898 * (i + 1) + 78.233 * (k + 1)))
}

/** A slate as shops ask for it: few ads out of all. */
export const request = (more = {}) => ({
  placement: 'bench',
  limit: 4,
  page: { type: 'home' },
  device: 'desktop',
  seed: 7,
  ...more,
})

/** The n-th thing the shopper does: mostly looking, at products all over the catalogue. */
export function event(products, n) {
  const { id, title, price, brand, product_type } = products[(n * 37) % products.length]
  const names = ['view_item', 'view_item', 'select_item', 'view_item', 'add_to_cart']
  return {
    event: names[n % names.length],
    id: `bench-${n}`,
    // A second apart: more than two a second look like a robot.
    ts: NOW - 600_000 + n * 1000,
    currency: 'USD',
    items: [{ item_id: id, item_name: title, item_brand: brand, item_category: product_type, price: Number.parseFloat(price), quantity: 1 }],
  }
}

/** How many events make the shopper's profile before anything is timed. */
export const PAST = 40
