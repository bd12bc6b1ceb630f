// A category: the picks with this category as their context, its parts, its products.

import { leaf, type Category } from '../catalogue'
import { el } from '../dom'
import { count, counted } from '../format'
import { pageView, viewItemList } from '../ga4'
import { grid, PAGE_SIZE } from '../grid'
import { href } from '../route'
import { Shelf } from '../shelf'
import { HEADING_CLASS, type Shop, type View } from '../shop'
import { trail } from '../trail'

/** Draws a category. */
export function category(shop: Shop, { path, products, children }: Category): View {
  const name = leaf(path)
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 4, page: { type: 'category', category: path.join(' > ') } })
  const parts = children.map((child) =>
    el('li', {}, el('a', { class: 'chip', href: href({ page: 'category', path: child.path }) }, leaf(child.path), ' ', el('span', { class: 'chip-count' }, count(child.products.length)))))
  const element = el('div', { class: 'view' },
    trail(path.slice(0, -1)),
    el('div', { class: 'title-line' },
      el('h1', { class: HEADING_CLASS, tabindex: '-1' }, name),
      el('p', { class: 'title-note' }, counted(products.length, 'product'))),
    parts.length > 0 && el('ul', { class: 'chips', 'aria-label': `Parts of ${name}` }, ...parts),
    picks.element,
    el('section', { class: 'part', 'aria-labelledby': 'products-title' },
      el('h2', { class: 'part-title', id: 'products-title' }, `All in ${name}`),
      grid(shop, 'category', products, name)))
  return { title: `${name} · Nearside demo shop`, element, shelves: [picks], events: [pageView(), viewItemList('category', products.slice(0, PAGE_SIZE))] }
}
