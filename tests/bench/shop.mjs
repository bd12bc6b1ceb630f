// What all engines are given: products, a shopper, a request, models.

import { largeCatalogue, sizesOf } from './large.mjs'
import { file, NETWORKS } from './networks.mjs'

/** 2026-11-24 10:00 UTC. */
export const NOW = Date.UTC(2026, 10, 24, 10)

/** Most ads of a slate. */
export const SLATE_LIMIT = 1000

/** How many ads the networks of networks.mjs rank. */
export const MANY = 10_000

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

/**
 * What is ranked, by the name of its row: `make(read)` gives the catalogue and
 * the model's file, `limit` is the length of the slate, and `past` how many
 * events make the shopper's profile before anything is timed. Of `rounds` runs,
 * `batch` are timed at once where the clock is coarse. `network` is one of
 * networks.mjs.
 */
export const CONTESTS = {
  ...Object.fromEntries(MODELS.map((model) => [`rank_1000${model.suffix}`, small(model)])),
  rank_10000_towers: large(NETWORKS.towers, { rounds: 100, batch: 5 }),
  rank_10000_mlp: large(NETWORKS.mlp, { rounds: 40, batch: 1 }),
  rank_10000_din: large(NETWORKS.din, { rounds: 12, batch: 1 }),
}

function small(model) {
  const make = async (read) => {
    const text = new TextDecoder().decode(await read('www/public/catalogue.json'))
    return { catalogue: catalogueFor(model, text), bytes: await read(model.path) }
  }
  return { limit: 4, past: 40, rounds: 300, batch: 5, make }
}

function large(network, times) {
  const sizes = sizesOf(MANY)
  const make = () => ({ catalogue: largeCatalogue(MANY), bytes: file(network.network, sizes), sizes })
  // Fewer events than the steps that the attention looks at, so that some are padding.
  return { limit: 20, past: 12, ...times, network, make }
}

/** The demo's catalogue with one placement for which every product competes. */
export function catalogueFor(model, text) {
  const { products, campaigns, ...rest } = JSON.parse(text)
  return {
    ...rest,
    products: products.map((product, i) => (model.embedding ? { ...product, embedding: embedding(i) } : product)),
    placements: [{ id: 'bench', max_ads: SLATE_LIMIT, exclude: [] }],
  }
}

/** A vector without any pattern that an engine could gain by. */
function embedding(i) {
  return Array.from({ length: WIDTH }, (_, k) => Math.sin(12.9898 * (i + 1) + 78.233 * (k + 1)))
}

/** A slate of the best of all ads. */
export const request = (more) => ({
  placement: 'bench',
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
