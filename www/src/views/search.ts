// Search results.

import { el } from '../dom'
import { counted } from '../format'
import { pageView, search as searched, viewItemList } from '../ga4'
import { grid, PAGE_SIZE } from '../grid'
import { Shelf } from '../shelf'
import { HEADING_CLASS, type Shop, type View } from '../shop'
import type { SessionEvent } from 'nearside'

/** Draws what a search found. */
export function search(shop: Shop, words: string): View {
  const found = shop.catalogue.search(words)
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 4, page: { type: 'search', search_term: words } })
  const events: SessionEvent[] = [pageView()]
  if (words.trim() !== '') events.push(searched(words))
  if (found.length > 0) events.push(viewItemList('search', found.slice(0, PAGE_SIZE)))
  const element = el('div', { class: 'view' },
    el('div', { class: 'title-line' },
      el('h1', { class: HEADING_CLASS, tabindex: '-1' }, words.trim() === '' ? 'Search' : `Results for “${words}”`),
      el('p', { class: 'title-note' }, counted(found.length, 'product'))),
    found.length > 0
      ? grid(shop, 'search', found, 'Search results')
      : el('p', { class: 'nothing' }, 'No title has all of these words. Try fewer, or pick a department.'),
    picks.element)
  return { title: `${words} · Search · Nearside demo shop`, element, shelves: [picks], events }
}
