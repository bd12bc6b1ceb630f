// A list of products, drawn in pieces so that no frame waits for a long one.

import type { Product } from './catalogue'
import { breathe, el } from './dom'
import { addToCart, selectItem, type ListId } from './ga4'
import type { Shop } from './shop'
import { tile } from './tile'

/** Products shown before the shopper asks for more; also what `view_item_list` reports. */
export const PAGE_SIZE = 24
/** Cards drawn between two frames. */
const PIECE = 8

/** Draws a list with a "show more" button. */
export function grid(shop: Shop, list: ListId, products: readonly Product[], name: string): HTMLElement {
  const items = el('ul', { class: 'grid', 'aria-label': name })
  const more = el('button', { type: 'button', class: 'more' })
  const frame = el('div', { class: 'grid-frame' }, items, more)
  let wanted = PAGE_SIZE

  const draw = async (): Promise<void> => {
    while (items.childElementCount < Math.min(wanted, products.length)) {
      const from = items.childElementCount
      for (const [offset, product] of products.slice(from, Math.min(from + PIECE, wanted)).entries()) items.append(card(shop, list, product, from + offset))
      await breathe()
    }
    const left = products.length - items.childElementCount
    more.hidden = left <= 0
    more.textContent = `Show ${Math.min(left, PAGE_SIZE)} more of ${left}`
  }
  more.hidden = true
  more.addEventListener('click', () => {
    const next = items.childElementCount
    wanted += PAGE_SIZE
    void draw().then(() => items.children[next]?.querySelector('a')?.focus())
  })
  void draw()
  return frame
}

function card(shop: Shop, list: ListId, product: Product, index: number): HTMLElement {
  return el('li', { class: 'grid-place' }, tile({
    product,
    advertiser: null,
    onOpen: () => shop.report(selectItem(list, product, index)),
    onAdd: () => {
      shop.add(product)
      shop.report(addToCart(product))
    },
  }))
}
