// The way back up the category tree.

import { el } from './dom'
import { href } from './route'

/** Links to home and to every level of `path`. */
export function trail(path: readonly string[]): HTMLElement {
  const steps = path.map((name, depth) => el('li', {}, el('a', { href: href({ page: 'category', path: path.slice(0, depth + 1) }) }, name)))
  return el('nav', { class: 'trail', 'aria-label': 'Where you are' }, el('ol', {}, el('li', {}, el('a', { href: href({ page: 'home' }) }, 'Home')), ...steps))
}
