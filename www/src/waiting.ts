// The page before its products are here: the same boxes in the same places.

import { el } from './dom'
import { hollow } from './tile'

/** Places shown while waiting. */
const PLACES = 8

/** Draws empty cards where a shelf will be. */
export function waiting(): HTMLElement {
  const places = Array.from({ length: PLACES }, () => el('li', { class: 'shelf-place' }, hollow()))
  return el('div', { class: 'view', 'aria-busy': 'true' },
    el('div', { class: 'lead' }, el('p', { class: 'lead-text' }, 'Fetching the products…')),
    el('section', { class: 'shelf' }, el('ul', { class: 'shelf-list' }, ...places)))
}
