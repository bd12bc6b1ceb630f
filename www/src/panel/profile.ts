// What the engine remembers of the shopper, and what it made of the last events.

import type { SessionEvent, Stats } from 'nearside'
import { el } from '../dom'
import { bytes, count, counted, usd } from '../format'
import type { Answer } from '../ranking'
import { Bars, Facts, section } from './section'

const CATEGORY_ROWS = 5
const BRAND_ROWS = 3
const EVENT_ROWS = 4

/** The panel's first part. */
export class ProfilePart {
  readonly #facts = new Facts(['Stage', 'Session', 'Mean price', 'Remembers', 'Ignored', 'Memory'])
  readonly #categories = new Bars('Categories', CATEGORY_ROWS, 'None yet. Open a product.')
  readonly #brands = new Bars('Brands', BRAND_ROWS, 'None yet.')
  readonly #events = el('ol', { class: 'feed' })
  readonly element = section('Profile', this.#facts.element, this.#categories.element, this.#brands.element)
  /** The last events and what became of them: a part of its own. */
  readonly feed = section('Last events', this.#events)

  constructor() {
    for (let row = 0; row < EVENT_ROWS; row++) this.#events.append(el('li', { class: 'feed-row' }))
  }

  show({ profile, events, snapshot_bytes }: Stats): void {
    const ignored = Object.entries(events.ignored)
    const refused = ignored.reduce((sum, [, n]) => sum + n, 0)
    this.#facts.set('Stage', profile.stage.replaceAll('_', ' '))
    this.#facts.set('Session', counted(profile.session_events, 'event'))
    this.#facts.set('Mean price', profile.mean_price === null ? 'none yet' : usd(profile.mean_price))
    this.#facts.set('Memory', bytes(snapshot_bytes))
    this.#facts.set('Remembers', counted(profile.items, 'product'))
    this.#facts.set('Ignored', count(refused), ignored.map(([reason, n]) => `${reason}: ${n}`).join(', '))
    this.#categories.set(profile.categories.slice(0, CATEGORY_ROWS).map(({ name, weight }) => ({ name: name.split(' > ').at(-1) ?? name, title: name, weight })))
    this.#brands.set(profile.brands.slice(0, BRAND_ROWS).map(({ name, weight }) => ({ name, title: name, weight })))
  }

  /** Adds an event to the feed. */
  observed({ event, items, search_term }: SessionEvent, { accepted, reason, flags }: Answer): void {
    const about = search_term ?? (items === undefined ? '' : items.length === 1 ? (items[0]?.item_name ?? '') : `${items.length} items`)
    const verdict = accepted ? flags.join(', ') || 'in' : (reason ?? 'ignored')
    this.#events.prepend(el('li', { class: accepted ? 'feed-row' : 'feed-row feed-refused' },
      el('code', {}, event), el('span', { class: 'feed-about', title: about }, about), el('span', { class: 'feed-verdict', title: verdict }, verdict)))
    this.#events.lastElementChild?.remove()
  }
}
