// The panel's building blocks: sections that fold, facts, and bars. All keep their size whatever they say.

import { el } from '../dom'

/** A part of the panel that can be folded. */
export function section(title: string, ...children: (Node | null)[]): HTMLDetailsElement {
  return el('details', { class: 'fold', open: true }, el('summary', { class: 'fold-title' }, el('h3', {}, title)), ...children)
}

/** A list of names with values that change. */
export class Facts {
  readonly element = el('dl', { class: 'facts' })
  readonly #values = new Map<string, HTMLElement>()

  /** Values of `wide` names get a row of their own. */
  constructor(names: readonly string[], wide: readonly string[] = []) {
    for (const name of names) {
      const value = el('dd', {}, '–')
      this.#values.set(name, value)
      this.element.append(el('div', { class: wide.includes(name) ? 'fact wide' : 'fact' }, el('dt', {}, name), value))
    }
  }

  /** `title` is the long form of a value that is cut. */
  set(name: string, value: string, title = value): void {
    const element = this.#values.get(name)
    if (element === undefined || element.textContent === value) return
    element.textContent = value
    element.title = title
  }
}

/** One row of {@link Bars}. */
export interface Bar {
  readonly name: string
  /** The long form of the name. */
  readonly title: string
  /** Its length is relative to the largest in the list; negative ones are drawn in another colour. */
  readonly weight: number
}

/** A list of names with bars, strongest first, with room for `rows`. */
export class Bars {
  readonly element: HTMLElement
  readonly #list: HTMLElement
  readonly #empty: string

  constructor(title: string, private readonly rows: number, empty: string) {
    this.#empty = empty
    this.#list = el('ol', { class: 'bars' })
    for (let row = 0; row < rows; row++) this.#list.append(el('li', { class: 'bar' }))
    this.element = el('div', { class: 'bars-block' }, el('h4', {}, title), this.#list)
    this.set([])
  }

  set(bars: readonly Bar[]): void {
    const largest = Math.max(...bars.map((bar) => Math.abs(bar.weight)), Number.MIN_VALUE)
    for (let row = 0; row < this.rows; row++) {
      const item = this.#list.children[row] as HTMLElement
      const bar = bars[row]
      if (bar === undefined) {
        item.replaceChildren(row === 0 ? el('span', { class: 'bar-none' }, this.#empty) : '')
        continue
      }
      let fill = item.querySelector<HTMLElement>('.bar-fill')
      if (fill === null) {
        fill = el('span', { class: 'bar-fill', 'aria-hidden': 'true' })
        item.replaceChildren(el('span', { class: 'bar-name' }), el('span', { class: 'bar-weight' }), fill)
      }
      const [name, weight] = item.children as unknown as [HTMLElement, HTMLElement]
      name.textContent = bar.name
      name.title = bar.title
      weight.textContent = bar.weight.toFixed(2)
      fill.classList.toggle('against', bar.weight < 0)
      fill.style.transform = `scaleX(${Math.abs(bar.weight) / largest})`
    }
  }
}
