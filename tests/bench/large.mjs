// A catalogue of any size, made from a seed: ids, prices, 64-wide embeddings.

import { numbers } from './random.mjs'

/** Width of the embeddings. */
export const WIDTH = 64

const CATEGORIES = 400
const BRANDS = 800

const padded = (number) => String(number).padStart(7, '0')
const named = (name, count) => Array.from({ length: count }, (_, i) => `${name} ${padded(i)}`)

/** How many ids each vocabulary of such a catalogue has. */
export const sizesOf = (ads) => ({ items: ads, categories: CATEGORIES, brands: BRANDS })

/** A catalogue of `ads` products, all of which compete for the placement `bench`. */
export function largeCatalogue(ads) {
  const next = numbers(ads)
  const vocabulary = { item: named('P', ads), category: named('Shelf', CATEGORIES), brand: named('Maker', BRANDS) }
  const any = (words) => words[Math.floor(((next() + 1) / 2) * words.length)]
  const products = vocabulary.item.map((id) => ({
    id,
    title: id,
    price: `${(10 ** (1.5 + next())).toFixed(2)} USD`,
    availability: 'in_stock',
    brand: any(vocabulary.brand),
    product_type: any(vocabulary.category),
    // Four digits, as exporters of embeddings round them: the file is read in the time that is measured.
    embedding: Array.from({ length: WIDTH }, () => Number(next().toFixed(4))),
  }))
  return {
    schema: 1,
    version: `bench-${ads}`,
    currency: 'USD',
    locale: 'en',
    products,
    placements: [{ id: 'bench', max_ads: 1000, exclude: [] }],
    vocabulary,
  }
}
