// "What the browser knows": beside the shop on a wide screen, a drawer on a narrow one.

import { breathe, el, own } from '../dom'
import type { Ranking, Status } from '../ranking'
import { DecisionPart, summary } from './decision'
import { ProfilePart } from './profile'
import { RequestsPart } from './requests'
import { section } from './section'

const ABOUT =
  'A simulated shop over the CC0 Best Buy catalogue of 2015. Pictures are drawn, and the campaigns and their advertisers are made up. ' +
  'The model is learned from simulated sessions over that catalogue: no real shopper’s behaviour is behind it.'

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
        button('Load snapshot', () => file.click()),
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
    document.addEventListener('pointerdown', ({ target }) => {
      const outside = target instanceof Node && !this.#element.contains(target) && !this.#toggle.contains(target)
      if (outside && this.#isOpen() && !matchMedia(WIDE).matches) this.#open(false)
    })
    matchMedia(WIDE).addEventListener('change', () => this.#mark())
    this.#mark()
  }

  /** Follows a ranking. */
  follow(ranking: Ranking): void {
    this.#ranking = ranking
    this.#report(ranking.status)
    ranking.watch({
      status: (status) => this.#report(status),
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

  #report(status: Status): void {
    this.#engine.textContent = summary(status)
    // What is missing is said where it is seen first.
    const whole = status.kind !== 'plain' && !(status.kind === 'ready' && typeof status.model === 'object' && 'code' in status.model)
    if (!whole) this.#say(summary(status))
  }

  #say(text: string): void {
    this.#said.textContent = text
    this.#said.title = text
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
    const open = this.#isOpen()
    this.#toggle.setAttribute('aria-expanded', String(open))
    // Under the drawer's veil nothing can be used.
    const covered = open && !matchMedia(WIDE).matches
    for (const id of ['main', 'departments']) own(id).inert = covered
  }

  async #reset(): Promise<void> {
    const failed = await this.#ranking?.restore()
    this.#say(failed == null ? 'The profile is empty again.' : `Not reset (${failed.code}): ${failed.message}`)
  }

  async #export(): Promise<void> {
    const bytes = await this.#ranking?.snapshot()
    if (!(bytes instanceof Uint8Array)) {
      this.#say(`No snapshot: ${bytes?.message ?? 'the shop has no products yet'}`)
      return
    }
    const address = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/octet-stream' }))
    el('a', { href: address, download: 'nearside-snapshot.bin' }).click()
    URL.revokeObjectURL(address)
    this.#say(`${bytes.length} bytes saved.`)
  }

  async #load(file: HTMLInputElement): Promise<void> {
    const chosen = file.files?.[0]
    file.value = ''
    if (chosen === undefined) return
    const failed = await this.#ranking?.restore(new Uint8Array(await chosen.arrayBuffer()))
    this.#say(failed == null ? 'The snapshot is in force.' : `Not loaded (${failed.code}): ${failed.message}`)
  }
}
