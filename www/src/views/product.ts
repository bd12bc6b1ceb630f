// A product page: the product, what is related to it, and the picks.

import type { Product } from '../catalogue'
import { el } from '../dom'
import { usd } from '../format'
import { addToCart, pageView, viewItem } from '../ga4'
import { picture } from '../picture'
import { Shelf } from '../shelf'
import { HEADING_CLASS, pageOf, type Shop, type View } from '../shop'
import { trail } from '../trail'

/** Draws a product page. */
export function product(shop: Shop, item: Product): View {
  const page = pageOf(item)
  const related = new Shelf({ ...shop, placement: 'related', title: 'Related to this', size: 4, page })
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 4, page })
  const points = item.description.split(/;\s*/).filter(Boolean)
  const add = (): void => {
    shop.add(item)
    shop.report(addToCart(item))
  }
  const element = el('div', { class: 'view' },
    trail(item.path),
    el('article', { class: 'product', 'data-item': item.id },
      el('div', { class: 'product-picture' }, picture(item)),
      el('div', { class: 'product-facts' },
        el('p', { class: 'product-brand' }, item.brand),
        el('h1', { class: HEADING_CLASS, tabindex: '-1' }, item.name),
        item.variant !== '' && el('p', { class: 'product-variant' }, item.variant),
        el('p', { class: 'product-price' }, usd(item.price)),
        el('ul', { class: 'product-points' }, ...points.map((point) => el('li', {}, point))),
        el('div', { class: 'product-actions' },
          el('button', { type: 'button', class: 'primary', on: { click: add } }, 'Add to cart'),
          el('span', { class: 'product-stock' }, 'In stock')))),
    related.element,
    picks.element)
  return { title: `${item.name} · Nearside demo shop`, element, shelves: [related, picks], events: [pageView(), viewItem(item)] }
}
