// Every request of this page, as the browser itself counts them.

import { el } from '../dom'
import { bytes, counted } from '../format'
import { section } from './section'

const KINDS: Readonly<Record<string, string>> = { wasm: 'wasm', onnx: 'model', json: 'data', js: 'script', css: 'style', svg: 'picture', html: 'page' }

interface Row { readonly name: string; readonly kind: string; readonly size: number; readonly foreign: boolean }

function read(entry: PerformanceResourceTiming): Row {
  const address = new URL(entry.name)
  const foreign = address.origin !== location.origin
  const folder = location.pathname.replace(/[^/]*$/, '')
  const name = foreign ? address.href : address.pathname.startsWith(folder) ? address.pathname.slice(folder.length) : address.pathname
  const kind = entry.entryType === 'navigation' ? 'page' : (KINDS[address.pathname.split('.').at(-1) ?? ''] ?? entry.initiatorType)
  return { name: name === '' ? 'index.html' : name, kind, size: entry.encodedBodySize, foreign }
}

/** The panel's third part. */
export class RequestsPart {
  readonly #rows = el('tbody')
  /** The count, as a sentence for the panel's head. */
  readonly sum = el('span', { class: 'requests-sum', id: 'requests-sum' })
  #count = 0
  #bytes = 0
  #foreign = 0
  readonly element = section('Every request this page made',
    el('table', { class: 'requests', id: 'requests' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'File'), el('th', { scope: 'col' }, 'Kind'), el('th', { scope: 'col' }, 'Bytes'))),
      this.#rows))

  constructor() {
    // The page itself is no resource. Its entry is complete: this script runs after its last byte.
    this.#add(performance.getEntriesByType('navigation') as PerformanceNavigationTiming[])
    const observer = new PerformanceObserver((list) => this.#add(list.getEntries() as PerformanceResourceTiming[]))
    observer.observe({ type: 'resource', buffered: true })
  }

  #add(entries: readonly PerformanceResourceTiming[]): void {
    for (const entry of entries) {
      // Some browsers list data: addresses, for which nothing is asked of anyone.
      if (entry.name.startsWith('data:')) continue
      const row = read(entry)
      this.#count++
      this.#bytes += row.size
      if (row.foreign) this.#foreign++
      this.#rows.append(el('tr', { class: row.foreign ? 'foreign' : null },
        el('td', { title: row.name }, row.name), el('td', {}, row.kind), el('td', {}, bytes(row.size))))
    }
    this.#say()
  }

  #say(): void {
    this.sum.replaceChildren(`${counted(this.#count, 'request')}, ${bytes(this.#bytes)}; to other origins: `, el('strong', { class: this.#foreign > 0 ? 'foreign' : null, id: 'requests-foreign' }, String(this.#foreign)))
  }
}
