// A list of products, drawn in pieces so that no frame waits for a long one.

import type { Product } from './catalogue'
import { breathe, el } from './dom'
import { addToCart, selectItem, type ListId } from './ga4'
import type { Shop } from './shop'
import { hollow, tile } from './tile'

/** Products shown before the shopper asks for more; also what `view_item_list` reports. */
export const PAGE_SIZE = 24
/** Cards drawn between two frames. */
const PIECE = 8

/** Draws a list with a "show more" button. */
export function grid(shop: Shop, list: ListId, products: readonly Product[], name: string): HTMLElement {
  const items = el('ul', { class: 'grid', 'aria-label': name })
  const more = el('button', { type: 'button', class: 'more' })
  const frame = el('div', { class: 'grid-frame' }, items, more)
  const empty = hollow()

  const draw = async (from: number): Promise<void> => {
    const wanted = products.slice(from, from + PAGE_SIZE)
    const left = products.length - from - wanted.length
    more.hidden = left <= 0
    more.textContent = `Show ${Math.min(left, PAGE_SIZE)} more of ${left}`
    // All places first: what stands below the list must not move while it fills.
    const places = wanted.map(() => el('li', { class: 'grid-place' }, empty.cloneNode(true)))
    items.append(...places)
    for (const [offset, product] of wanted.entries()) {
      if (offset % PIECE === 0) await breathe()
      places[offset]?.replaceChildren(card(shop, list, product, from + offset))
    }
  }
  more.addEventListener('click', () => {
    const next = items.childElementCount
    void draw(next).then(() => items.children[next]?.querySelector('a')?.focus())
  })
  void draw(0)
  return frame
}

function card(shop: Shop, list: ListId, product: Product, index: number): HTMLElement {
  return tile({
    product,
    advertiser: null,
    onOpen: () => shop.report(selectItem(list, product, index)),
    onAdd: () => {
      shop.add(product)
      shop.report(addToCart(product))
    },
  })
}
