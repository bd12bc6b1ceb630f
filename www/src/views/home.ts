// The front page: the picks, the departments, and what is close to the last look.

import { leaf } from '../catalogue'
import { el } from '../dom'
import { counted } from '../format'
import { pageView } from '../ga4'
import { emblem } from '../picture'
import { href } from '../route'
import { Shelf } from '../shelf'
import { HEADING_CLASS, pageOf, type Shop, type View } from '../shop'

/** Departments with fewer products than this are reached through the navigation only. */
const SHOWN_FROM = 10

/** Draws the front page. */
export function home(shop: Shop): View {
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 8, page: { type: 'home' } })
  const last = shop.lastLook
  const related = last && new Shelf({ ...shop, placement: 'related', title: `Close to ${last.name}`, size: 4, page: pageOf(last) })
  const departments = shop.catalogue.departments.filter((department) => department.products.length >= SHOWN_FROM).map((department) =>
    el('li', {},
      el('a', { class: 'department', href: href({ page: 'category', path: department.path }) },
        emblem(department.products, leaf(department.path)),
        el('span', { class: 'department-name' }, leaf(department.path)),
        el('span', { class: 'department-count' }, counted(department.products.length, 'product')))))

  const element = el('div', { class: 'view' },
    el('div', { class: 'lead' },
      el('h1', { class: HEADING_CLASS, tabindex: '-1' }, 'A shop that ranks in your browser'),
      el('p', { class: 'lead-text' }, 'Browse as you would anywhere. The picks follow what you look at, and what you look at never leaves this page.')),
    picks.element,
    related?.element,
    el('section', { class: 'part', 'aria-labelledby': 'departments-title' },
      el('h2', { class: 'part-title', id: 'departments-title' }, 'Departments'),
      el('ul', { class: 'department-list' }, ...departments)))
  return { title: 'Nearside demo shop', element, shelves: related === undefined ? [picks] : [picks, related], events: [pageView()] }
}
