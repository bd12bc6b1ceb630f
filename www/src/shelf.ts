// A placement on the page. It keeps its size from the first paint on; a new ranking changes what is in
// the places, never where the places are.

import type { Page, SessionEvent } from 'nearside'
import type { Product } from './catalogue'
import { el } from './dom'
import { count, elapsed } from './format'
import { addToCart, selectItem } from './ga4'
import { watchImpression } from './impression'
import type { Entry, PlacementId, Ranking, Shown } from './ranking'
import { hollow, tile } from './tile'

/** What a shelf needs from the shop. */
export interface ShelfOptions {
  readonly placement: PlacementId
  readonly title: string
  /** Number of places. */
  readonly size: number
  readonly page: Page
  readonly ranking: Ranking
  readonly report: (event: SessionEvent) => void
  readonly add: (product: Product) => void
}

/** One slate, drawn. */
export class Shelf {
  readonly element: HTMLElement
  readonly #places: HTMLLIElement[]
  readonly #note: HTMLElement
  readonly #list: HTMLElement
  readonly #shown = new WeakMap<HTMLLIElement, string>()
  readonly #forget = new Map<HTMLLIElement, () => void>()
  #round = 0
  #filled = false
  #held: Shown | undefined

  constructor(private readonly options: ShelfOptions) {
    this.#places = Array.from({ length: options.size }, () => el('li', { class: 'shelf-place' }, hollow()))
    this.#list = el('ul', { class: 'shelf-list', 'aria-busy': 'true' }, ...this.#places)
    this.#note = el('p', { class: 'shelf-note' }, 'Starting the ranking engine in this browser…')
    const id = `shelf-${options.placement}`
    this.element = el('section', { class: 'shelf', 'aria-labelledby': id, 'data-placement': options.placement },
      el('div', { class: 'shelf-head' }, el('h2', { id, class: 'shelf-title' }, options.title), this.#note),
      this.#list)
    // A card must not change under the pointer or the focus: the new slate waits until both have left.
    this.element.addEventListener('pointerleave', () => this.#release())
    this.element.addEventListener('focusout', () => queueMicrotask(() => this.#release()))
    const before = options.ranking.last(options.placement)
    if (before !== undefined) this.#draw(before)
  }

  /** Asks for a new slate and shows it. An answer that a later call has overtaken is dropped. */
  async refresh(): Promise<void> {
    const round = ++this.#round
    this.#list.setAttribute('aria-busy', 'true')
    const { placement, page, size, ranking } = this.options
    const shown = await ranking.rank(placement, page, size)
    if (round !== this.#round) return
    if (this.#filled && this.#isInUse()) this.#held = shown
    else this.#draw(shown)
    this.#filled = true
    this.#list.removeAttribute('aria-busy')
  }

  /** Stops watching what is seen. */
  dispose(): void {
    this.#round++
    for (const forget of this.#forget.values()) forget()
    this.#forget.clear()
  }

  /** A tap leaves `:hover` behind, and a click the focus; neither means that someone is still there. */
  #isInUse(): boolean {
    const pointed = matchMedia('(hover: hover)').matches && this.element.matches(':hover')
    return pointed || this.element.querySelector(':focus-visible') !== null
  }

  #release(): void {
    if (this.#held === undefined || this.#isInUse()) return
    const shown = this.#held
    this.#held = undefined
    this.#draw(shown)
  }

  #draw(shown: Shown): void {
    this.#places.forEach((place, index) => {
      const entry = shown.entries[index]
      if (entry === undefined) return
      this.#watch(place, shown, entry)
      const key = `${entry.ad ?? ''} ${entry.product.id}`
      const before = this.#shown.get(place)
      if (before === key) return
      this.#shown.set(place, key)
      place.classList.toggle('fresh', before !== undefined)
      place.replaceChildren(this.#tile(shown, entry, index))
    })
    this.#note.textContent = note(shown)
  }

  #tile(shown: Shown, { product, ad, advertiser }: Entry, index: number): HTMLElement {
    const { placement, ranking, report, add } = this.options
    return tile({
      product,
      advertiser,
      onOpen: () => {
        if (shown.decision !== null && ad !== null) void ranking.feedback({ decision: shown.decision.decision, ad, kind: 'click' })
        report(selectItem(placement, product, index))
      },
      onAdd: () => {
        add(product)
        report(addToCart(product))
      },
    })
  }

  #watch(place: HTMLLIElement, { decision }: Shown, { ad }: Entry): void {
    this.#forget.get(place)?.()
    if (decision === null || ad === null) return
    this.#forget.set(place, watchImpression(place, () => void this.options.ranking.feedback({ decision: decision.decision, ad, kind: 'impression' })))
  }
}

function note({ decision, failure }: Shown): string {
  if (decision === null) return failure === null ? 'A plain list' : `A plain list: the ranking engine is not available (${failure.code})`
  const time = decision.elapsed_us === null ? '' : ` in ${elapsed(decision.elapsed_us)}`
  const basis = decision.basis === 'profile' ? 'by what you did here' : 'by this page alone'
  return `${count(decision.candidates)} candidates ranked in this browser${time}, ${basis}`
}
