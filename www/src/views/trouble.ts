// Pages for what is not there: an unknown address, or a catalogue that cannot be read.

import { CatalogueError } from '../catalogue'
import { el } from '../dom'
import { pageView } from '../ga4'
import { href } from '../route'
import { Shelf } from '../shelf'
import { HEADING_CLASS, type Shop, type View } from '../shop'

/** An address that names nothing in this shop. */
export function unknown(shop: Shop): View {
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 8, page: { type: 'other' } })
  const element = el('div', { class: 'view' },
    el('h1', { class: HEADING_CLASS, tabindex: '-1' }, 'There is no such page'),
    el('p', { class: 'nothing' }, 'The product or category may have left the shop. ', el('a', { href: href({ page: 'home' }) }, 'Back to the front page')),
    picks.element)
  return { title: 'No such page · Nearside demo shop', element, shelves: [picks], events: [pageView()] }
}

/** A shop without products: what is wrong, and a way to try again. */
export function noCatalogue(error: unknown, retry: () => void): HTMLElement {
  const code = error instanceof CatalogueError ? error.code : 'internal'
  const message = error instanceof Error ? error.message : String(error)
  return el('div', { class: 'view' },
    el('h1', { class: HEADING_CLASS, tabindex: '-1' }, 'The products are not here'),
    el('div', { class: 'notice', role: 'alert' },
      el('p', {}, message),
      el('p', { class: 'notice-code' }, 'Code: ', el('code', {}, code)),
      el('button', { type: 'button', class: 'primary', on: { click: retry } }, 'Try again')))
}
