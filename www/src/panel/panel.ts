// "What the browser knows": beside the shop on a wide screen, a drawer on a narrow one.

import { breathe, el, own } from '../dom'
import type { Ranking } from '../ranking'
import { DecisionPart, summary } from './decision'
import { ProfilePart } from './profile'
import { RequestsPart } from './requests'
import { section } from './section'

const ABOUT =
  'A simulated shop over the CC0 Best Buy catalogue of 2015. Pictures are drawn, and the campaigns and their advertisers are made up. ' +
  'The model is content-based: its weights were set by hand, and no behaviour data is behind it.'

/** Above this width the panel is a column and open unless it was closed; below, it is a drawer and closed unless it was opened. */
const WIDE = '(min-width: 74rem)'

/** Fills the page's panel and keeps it up to date. Works without a ranking, for a shop without products. */
export class Panel {
  readonly #element = own('panel')
  readonly #toggle = own<HTMLButtonElement>('panel-toggle')
  readonly #engine = el('p', { class: 'panel-engine', id: 'panel-engine' }, 'The engine is starting.')
  readonly #profile = new ProfilePart()
  readonly #decision = new DecisionPart()
  readonly #requests = new RequestsPart()
  readonly #said = el('p', { class: 'panel-said', role: 'status' })
  #ranking: Ranking | undefined
  #due = false

  constructor() {
    const file = el('input', { type: 'file', class: 'unseen', id: 'snapshot-file', tabindex: '-1', 'aria-label': 'Snapshot file' })
    file.addEventListener('change', () => void this.#load(file))
    const button = (label: string, act: () => void): HTMLButtonElement => el('button', { type: 'button', class: 'small', on: { click: act } }, label)
    this.#element.append(
      el('div', { class: 'panel-head' },
        el('h2', { id: 'panel-title' }, 'What the browser knows'),
        el('button', { type: 'button', class: 'quiet panel-close', on: { click: () => this.#open(false) } }, 'Close')),
      el('p', { class: 'panel-lead' }, 'All of it, in this tab’s memory; a reload forgets it. ', this.#requests.sum),
      el('div', { class: 'panel-actions' },
        button('Reset profile', () => void this.#reset()),
        button('Export snapshot', () => void this.#export()),
        button('Load one', () => file.click()),
        file),
      this.#said,
      this.#profile.element,
      this.#decision.element,
      this.#profile.feed,
      this.#requests.element,
      section('About this demo', this.#engine, el('p', { class: 'panel-about' }, ABOUT)),
    )
    this.#toggle.addEventListener('click', () => this.#open(!this.#isOpen()))
    this.#element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !matchMedia(WIDE).matches) this.#open(false)
    })
    matchMedia(WIDE).addEventListener('change', () => this.#mark())
    this.#mark()
  }

  /** Follows a ranking. */
  follow(ranking: Ranking): void {
    this.#ranking = ranking
    this.#engine.textContent = summary(ranking.status)
    ranking.watch({
      status: (status) => {
        this.#engine.textContent = summary(status)
      },
      observed: (event, answer) => {
        this.#profile.observed(event, answer)
        void this.refresh()
      },
      shown: (shown) => this.#decision.shown(shown),
      replaced: () => void this.refresh(),
    })
  }

  /** Reads the profile anew, at most once per frame. */
  async refresh(): Promise<void> {
    if (this.#due) return
    this.#due = true
    await breathe()
    this.#due = false
    const stats = await this.#ranking?.stats()
    if (stats != null) this.#profile.show(stats)
  }

  #isOpen(): boolean {
    const { panel } = document.documentElement.dataset
    return panel === undefined ? matchMedia(WIDE).matches : panel === 'open'
  }

  #open(open: boolean): void {
    document.documentElement.dataset['panel'] = open ? 'open' : 'closed'
    this.#mark()
    if (open) this.#element.focus()
    else this.#toggle.focus()
  }

  #mark(): void {
    this.#toggle.setAttribute('aria-expanded', String(this.#isOpen()))
  }

  async #reset(): Promise<void> {
    const failed = await this.#ranking?.restore()
    this.#said.textContent = failed == null ? 'The profile is empty again.' : `Not reset: ${failed.message}`
  }

  async #export(): Promise<void> {
    const bytes = await this.#ranking?.snapshot()
    if (!(bytes instanceof Uint8Array)) {
      this.#said.textContent = `No snapshot: ${bytes?.message ?? 'the engine is not available'}`
      return
    }
    const address = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/octet-stream' }))
    el('a', { href: address, download: 'nearside-snapshot.bin' }).click()
    URL.revokeObjectURL(address)
    this.#said.textContent = `${bytes.length} bytes saved.`
  }

  async #load(file: HTMLInputElement): Promise<void> {
    const chosen = file.files?.[0]
    file.value = ''
    if (chosen === undefined) return
    const failed = await this.#ranking?.restore(new Uint8Array(await chosen.arrayBuffer()))
    this.#said.textContent = failed == null ? 'The snapshot is in force.' : `Not loaded (${failed.code}): ${failed.message}`
  }
}
