// The engine as the shop uses it. Whatever happens to the engine, a shelf gets something to show:
// a ranked slate where there is one, and otherwise a plain list that says so.

import { EngineError } from 'nearside'
import type { Decision, Engine, Feedback, ModelReport, Page, SessionEvent, Stats } from 'nearside'
import type { Catalogue, Product } from './catalogue'

/** A placement of `catalogue.json`. */
export type PlacementId = 'picks' | 'related'

/**
 * Longest wait for the model before the first slate, in milliseconds. After it the formula ranks until the model is
 * there. People take what comes within a tenth of a second for immediate; at 0 a model that comes just behind the
 * catalogue would change every slate once for nothing.
 */
const MODEL_PATIENCE_MS = 100

/** Screens as narrow as a phone's; the style sheets have the same limit. */
const NARROW = '(max-width: 44rem)'

/** What went wrong, for people. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly remedy: string | undefined
}

/** What the ranking is doing. `model` is what came of the model file: pending until it is read. */
export type Status =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly runs: Engine['runs']; readonly model: ModelReport | Failure | 'pending' }
  | { readonly kind: 'plain'; readonly failure: Failure }

/** A card to draw. `ad` is null where no decision chose it. */
export interface Entry {
  readonly product: Product
  readonly ad: string | null
  /** Who pays, or null. */
  readonly advertiser: string | null
  readonly score: number | null
}

/** What a shelf shows. `decision` is null for a plain list; `failure` then says why, if something failed. */
export interface Shown {
  readonly placement: PlacementId
  readonly entries: readonly Entry[]
  readonly decision: Decision | null
  readonly failure: Failure | null
}

/** What became of an event. A call that failed counts as refused. */
export interface Answer {
  readonly accepted: boolean
  readonly reason: string | null
  readonly flags: readonly string[]
}

/** What the panel follows. */
export interface Watcher {
  status?(status: Status): void
  observed?(event: SessionEvent, answer: Answer): void
  shown?(shown: Shown): void
  /** The profile was replaced: everything shown from it is out of date. */
  replaced?(): void
}

function failure(error: unknown): Failure {
  if (EngineError.is(error)) return { code: error.code, message: error.message, remedy: error.remedy }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error), remedy: undefined }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Ranks for the shop's shelves. Its methods do not throw. */
export class Ranking {
  #status: Status = { kind: 'starting' }
  #engine: Promise<Engine | null>
  #blank: Uint8Array | undefined
  readonly #last = new Map<PlacementId, Shown>()
  readonly #watchers: Watcher[] = []

  /** Takes an engine that is starting, and an ONNX file that is on its way. */
  constructor(private readonly catalogue: Catalogue, engine: Promise<Engine>, model: Promise<Response>) {
    this.#engine = this.#start(engine, model)
  }

  /** What the ranking is doing now. */
  get status(): Status {
    return this.#status
  }

  /** Calls `watcher` from now on. */
  watch(watcher: Watcher): void {
    this.#watchers.push(watcher)
  }

  /** Resolves when the engine ranks, or will not. */
  async started(): Promise<void> {
    await this.#engine
  }

  /** What a placement showed last, so that the next page has it at once. */
  last(placement: PlacementId): Shown | undefined {
    return this.#last.get(placement)
  }

  /** Tells the engine what the shopper did. Waits for the engine if it is still starting. */
  async observe(event: SessionEvent): Promise<void> {
    const engine = await this.#engine
    if (engine === null) return
    const answer: Answer = await engine.observe(event).catch((error: unknown) => ({ accepted: false, reason: failure(error).code, flags: [] }))
    for (const watcher of this.#watchers) watcher.observed?.(event, answer)
  }

  /** Fills a placement with `size` cards. */
  async rank(placement: PlacementId, page: Page, size: number): Promise<Shown> {
    const engine = await this.#engine
    let decision: Decision | null = null
    let failed: Failure | null = null
    try {
      if (engine === null) failed = this.#missing()
      else decision = await engine.rank({ placement, page, limit: size, device: matchMedia(NARROW).matches ? 'phone' : 'desktop' })
    } catch (error) {
      failed = failure(error)
    }
    const shown = { placement, entries: this.#fill(placement, page, size, decision), decision, failure: failed }
    this.#last.set(placement, shown)
    for (const watcher of this.#watchers) watcher.shown?.(shown)
    return shown
  }

  /** Tells the engine what became of a card it chose. A decision the engine no longer knows is not an error here: it was reset. */
  async feedback(report: Feedback): Promise<void> {
    const engine = await this.#engine
    try {
      await engine?.feedback(report)
    } catch (error) {
      if (!EngineError.is(error, 'unknown-decision')) console.warn('feedback was refused', error)
    }
  }

  /** What the engine knows, or null where there is none to ask. */
  async stats(): Promise<Stats | null> {
    const engine = await this.#engine
    try {
      return (await engine?.stats()) ?? null
    } catch {
      return null
    }
  }

  /** The profile as bytes. */
  async snapshot(): Promise<Uint8Array | Failure> {
    const engine = await this.#engine
    if (engine === null) return this.#missing()
    try {
      return await engine.snapshot()
    } catch (error) {
      return failure(error)
    }
  }

  /** Replaces the profile; without bytes, by the empty one the engine started with. Answers why not, or null. */
  async restore(bytes?: Uint8Array): Promise<Failure | null> {
    const engine = await this.#engine
    const wanted = bytes ?? this.#blank
    if (engine === null || wanted === undefined) return this.#missing()
    try {
      await engine.restore(wanted)
    } catch (error) {
      return failure(error)
    }
    this.#last.clear()
    for (const watcher of this.#watchers) watcher.replaced?.()
    return null
  }

  #missing(): Failure {
    return this.#status.kind === 'plain' ? this.#status.failure : failure('the engine is not available')
  }

  async #start(starting: Promise<Engine>, model: Promise<Response>): Promise<Engine | null> {
    try {
      const engine = await starting
      await engine.loadCatalogue(this.catalogue.bytes)
      this.#blank = await engine.snapshot()
      this.#become({ kind: 'ready', runs: engine.runs, model: 'pending' })
      await Promise.race([this.#loadModel(engine, model), wait(MODEL_PATIENCE_MS)])
      return engine
    } catch (error) {
      this.#become({ kind: 'plain', failure: failure(error) })
      return null
    }
  }

  async #loadModel(engine: Engine, file: Promise<Response>): Promise<void> {
    let model: ModelReport | Failure
    try {
      model = await engine.loadModel(await file)
    } catch (error) {
      model = failure(error)
    }
    this.#become({ kind: 'ready', runs: engine.runs, model })
  }

  #become(status: Status): void {
    this.#status = status
    for (const watcher of this.#watchers) watcher.status?.(status)
  }

  #fill(placement: PlacementId, page: Page, size: number, decision: Decision | null): Entry[] {
    const entries: Entry[] = []
    for (const { ad, item_id, campaign, score } of decision?.slate ?? []) {
      const product = this.catalogue.product(item_id)
      if (product === undefined) continue
      entries.push({ product, ad, advertiser: campaign === null ? null : this.catalogue.advertiser(campaign), score })
    }
    // A short slate is an answer, but a half-empty shelf looks broken: what is missing comes from the plain list.
    const taken = new Set(entries.map((entry) => entry.product.id))
    for (const product of this.#plain(placement, page)) {
      if (entries.length >= size) break
      if (!taken.has(product.id)) entries.push({ product, ad: null, advertiser: null, score: null })
    }
    return entries.slice(0, size)
  }

  /** Products without ranking: neighbours of the page's product first, then one from each department in turn. */
  *#plain(placement: PlacementId, page: Page): Generator<Product> {
    const current = page.item_id === undefined ? undefined : this.catalogue.product(page.item_id)
    if (placement === 'related' && current !== undefined) {
      for (const product of this.catalogue.category(current.path)?.products ?? []) if (product !== current) yield product
    }
    for (let row = 0; row < this.catalogue.products.length; row++) {
      for (const department of this.catalogue.departments) {
        const product = department.products[row]
        if (product !== undefined && product !== current) yield product
      }
    }
  }
}
