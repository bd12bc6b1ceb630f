// The last decision of each placement: who ranked, from how many, how fast, and with which scores.

import { el } from '../dom'
import { count, elapsed } from '../format'
import { LISTS } from '../ga4'
import type { Failure, PlacementId, Shown, Status } from '../ranking'
import { Facts, section } from './section'

const ROWS = 8
const PLACEMENTS: readonly PlacementId[] = ['picks', 'related']

const short = (hash: string): string => hash.slice(0, 8)

/** The panel's second part. */
export class DecisionPart {
  readonly #facts = new Facts(['Scorer', 'Basis', 'Took', 'Candidates'], ['Scorer', 'Candidates'])
  readonly #rows = el('tbody')
  readonly #tabs = new Map<PlacementId, HTMLButtonElement>()
  readonly #shown = new Map<PlacementId, Shown>()
  #placement: PlacementId = 'picks'
  readonly element: HTMLDetailsElement

  constructor() {
    const tabs = el('div', { class: 'tabs', role: 'group', 'aria-label': 'Placement' })
    for (const placement of PLACEMENTS) {
      const tab = el('button', { type: 'button', class: 'tab', on: { click: () => this.#choose(placement) } }, LISTS[placement])
      this.#tabs.set(placement, tab)
      tabs.append(tab)
    }
    for (let row = 0; row < ROWS; row++) this.#rows.append(el('tr', {}, el('td'), el('td'), el('td')))
    const table = el('table', { class: 'slate' },
      el('caption', { class: 'unseen' }, 'The slate, best first'),
      el('colgroup', {}, el('col', { class: 'slate-place' }), el('col'), el('col', { class: 'slate-score' })),
      el('thead', { class: 'unseen' }, el('tr', {}, el('th', { scope: 'col' }, 'Place'), el('th', { scope: 'col' }, 'Product'), el('th', { scope: 'col' }, 'Score'))),
      this.#rows)
    this.element = section('Last decision', tabs, this.#facts.element, table)
    this.#choose('picks')
  }

  shown(shown: Shown): void {
    this.#shown.set(shown.placement, shown)
    if (shown.placement === this.#placement) this.#draw()
  }

  #choose(placement: PlacementId): void {
    this.#placement = placement
    for (const [id, tab] of this.#tabs) tab.setAttribute('aria-pressed', String(id === placement))
    this.#draw()
  }

  #draw(): void {
    const shown = this.#shown.get(this.#placement)
    const decision = shown?.decision ?? null
    this.element.dataset['placement'] = this.#placement
    if (decision === null) {
      const why = shown === undefined ? 'no decision yet' : shown.failure === null ? 'plain list' : `plain list (${shown.failure.code})`
      this.#facts.set('Scorer', why, shown?.failure?.message ?? why)
      for (const name of ['Basis', 'Took', 'Candidates']) this.#facts.set(name, '–')
    } else {
      const { scorer, basis, candidates, removed, elapsed_us, fallback } = decision
      const name = scorer.model === null ? scorer.name : `${scorer.name} · model ${short(scorer.model)}`
      this.#facts.set('Scorer', name, fallback === null ? `${scorer.name} ${scorer.model ?? ''}` : `${fallback.code}: ${fallback.message}`)
      this.#facts.set('Basis', basis)
      const keptOut = Object.entries(removed).map(([reason, n]) => `${count(n)} ${reason.replaceAll('_', ' ')}`).join(', ')
      this.#facts.set('Candidates', keptOut === '' ? count(candidates) : `${count(candidates)}; kept out: ${keptOut}`)
      this.#facts.set('Took', elapsed_us === null ? '–' : elapsed(elapsed_us))
    }
    for (let row = 0; row < ROWS; row++) this.#row(this.#rows.children[row] as HTMLTableRowElement, shown, row)
  }

  #row(row: HTMLTableRowElement, shown: Shown | undefined, index: number): void {
    const entry = shown?.entries[index]
    const [place, name, score] = row.cells as unknown as [HTMLTableCellElement, HTMLTableCellElement, HTMLTableCellElement]
    row.classList.toggle('blank', entry === undefined)
    place.textContent = entry === undefined ? '' : String(index + 1)
    name.textContent = entry?.product.name ?? ''
    name.title = entry === undefined ? '' : entry.product.path.join(' > ')
    if (entry !== undefined && entry.advertiser !== null) name.prepend(el('span', { class: 'slate-paid' }, 'Sponsored'), ' ')
    score.textContent = entry === undefined ? '' : entry.score === null ? '–' : entry.score.toFixed(3)
  }
}

/** What runs where, and with which model. */
export function summary(status: Status): string {
  if (status.kind === 'starting') return 'The engine is starting.'
  if (status.kind === 'plain') return `The engine is not available (${status.failure.code}): the shop shows plain lists. ${advice(status.failure)}`
  const place = { worker: 'in a worker', main: 'on the main thread', node: 'in Node' }[status.runs]
  const { model } = status
  if (model === 'pending') return `The engine runs ${place}; the model is on its way.`
  if ('code' in model) return `The engine runs ${place} without a model (${model.code}): the cosine formula ranks. ${advice(model)}`
  const own = model.description === '' ? '' : ` The file says of itself: “${model.description}”`
  return `The engine runs ${place} with model ${short(model.model)}: ${count(model.parameters)} weights in ${count(model.bytes)} bytes.${own}`
}

function advice({ message, remedy }: Failure): string {
  return remedy === undefined ? message : `${message}. ${remedy}.`
}
