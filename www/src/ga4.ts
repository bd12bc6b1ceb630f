// The events a shop reports to its analytics, in GA4's words. The engine is fed the same ones.

import type { Item, SessionEvent } from 'nearside'
import type { Line } from './cart'
import type { Product } from './catalogue'

/** The only currency of this shop. */
const CURRENCY = 'USD'

/** Names of the lists products are shown in, by id. */
export const LISTS = { category: 'Category', search: 'Search results', picks: 'Picks for you', related: 'Related products' } as const
/** The id of a list. */
export type ListId = keyof typeof LISTS

const LEVELS = ['item_category', 'item_category2', 'item_category3', 'item_category4', 'item_category5'] as const

function item(product: Product, more: Partial<Item> = {}): Item {
  const levels = Object.fromEntries(LEVELS.flatMap((key, depth) => (product.path[depth] === undefined ? [] : [[key, product.path[depth]]])))
  return { item_id: product.id, item_name: product.title, item_brand: product.brand, price: product.price, quantity: 1, ...levels, ...more }
}

function made(event: SessionEvent['event'], fields: Omit<SessionEvent, 'event'>): SessionEvent {
  return { event, ts: Date.now(), ...fields }
}

/** Any page was opened. */
export const pageView = (): SessionEvent => made('page_view', {})

/** The shop was searched for `words`. */
export const search = (words: string): SessionEvent => made('search', { search_term: words })

/** A list was shown, with `products` as its first part. */
export const viewItemList = (list: ListId, products: readonly Product[]): SessionEvent =>
  made('view_item_list', { item_list_id: list, item_list_name: LISTS[list], items: products.map((product, index) => item(product, { index })) })

/** A product was clicked in a list, at place `index` from 0. */
export const selectItem = (list: ListId, product: Product, index: number): SessionEvent =>
  made('select_item', { item_list_id: list, item_list_name: LISTS[list], items: [item(product, { index })] })

/** A product page was opened. */
export const viewItem = (product: Product): SessionEvent =>
  made('view_item', { currency: CURRENCY, value: product.price, items: [item(product)] })

/** One piece went into the cart. */
export const addToCart = (product: Product): SessionEvent =>
  made('add_to_cart', { currency: CURRENCY, value: product.price, items: [item(product)] })

/** A whole line left the cart. */
export const removeFromCart = ({ product, quantity }: Line): SessionEvent =>
  made('remove_from_cart', { currency: CURRENCY, value: product.price * quantity, items: [item(product, { quantity })] })

const whole = (event: 'view_cart' | 'purchase', lines: readonly Line[], total: number, more: Partial<SessionEvent> = {}): SessionEvent =>
  made(event, { currency: CURRENCY, value: total, items: lines.map(({ product, quantity }) => item(product, { quantity })), ...more })

/** The cart was opened with something in it. */
export const viewCart = (lines: readonly Line[], total: number): SessionEvent => whole('view_cart', lines, total)

/** What the cart held was bought. Each call is an order of its own. */
export const purchase = (lines: readonly Line[], total: number): SessionEvent =>
  whole('purchase', lines, total, { transaction_id: crypto.randomUUID() })
