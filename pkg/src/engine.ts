/**
 * The engine as a page sees it. Every method returns a promise; calls are
 * answered in the order they were made, wherever the engine runs.
 */

import { EngineError } from './errors.js'
import type { Answers, Calls, Client, Op } from './protocol.js'
import { bytesOf, type CatalogueFiles, catalogueOf, plainCopy } from './sources.js'
import type {
  Catalogue,
  CatalogueReport,
  Decision,
  DeltaReport,
  Feedback,
  FeedbackResult,
  ModelReport,
  Observed,
  RankRequest,
  SessionEvent,
  Statement,
  Stats,
} from './types.js'

/** Bytes, or where to fetch them; text is an address. The caller's buffer is copied. */
export type Source = Uint8Array | ArrayBuffer | URL | string | Response

/** A WebAssembly build of this package, or where to fetch it. */
export type WasmSource = string | URL | Response | ArrayBuffer | WebAssembly.Module

/** How to start an engine; every field may be left out. */
export interface EngineOptions {
  /**
   * Where the wasm files are, for bundlers that do not copy them. Each default
   * is the file inside this package.
   */
  wasm?: { compact?: WasmSource | undefined; full?: WasmSource | undefined } | undefined
  /**
   * Where the engine runs. `'auto'`, the default, means a worker, or the main
   * thread where no worker starts within three seconds; `true` fails instead;
   * `false` means the main thread. Node always runs in-process.
   */
  worker?: boolean | 'auto' | undefined
  /** The clock, in milliseconds since 1970; `Date.now` by default. */
  now?: (() => number) | undefined
  /**
   * Makes decisions repeatable: the n-th ranking without a seed of its own,
   * from 0, uses `seed + n`. A whole number; drawn by default.
   */
  seed?: number | undefined
  /** Loaded before the engine is handed out. */
  model?: Source | undefined
  /**
   * Loaded before the engine is handed out, and before `model`: JSON, or what `nearside catalogue build` writes. Of a
   * manifest, the address is needed, since its shards are beside it.
   */
  catalogue?: Source | Catalogue | undefined
  /**
   * Of a catalogue in shards, load the first ones until they hold this many products, and always the first of all; all
   * by default. A shard is loaded whole, so there may be more products than this.
   */
  maxAds?: number | undefined
  /** {@link RankRequest.retrieve} of requests that name none. */
  retrieve?: RankRequest['retrieve']
  /** Gives up starting: `createEngine` rejects with the code `disposed`. */
  signal?: AbortSignal | undefined
}

/** Ranks the catalogue for one shopper. Failures are {@link EngineError}s. */
export interface Engine {
  /** Where the engine runs. */
  readonly runs: 'worker' | 'main' | 'node'
  /** Takes in what the shopper did. An event that does not count is an answer, not an error. */
  observe(event: SessionEvent): Promise<Observed>
  /** Chooses ads for a placement. An empty slate is an answer, not an error. */
  rank(request: RankRequest): Promise<Decision>
  /** Tells what the shopper did with an ad of a slate. */
  feedback(feedback: Feedback): Promise<FeedbackResult>
  /** Takes in what the shopper says about themselves. */
  tell(statement: Statement): Promise<void>
  /**
   * Puts an ONNX model in force, fetching the full build if the compact one
   * cannot run it. A refused model leaves the old one in force.
   */
  loadModel(source: Source): Promise<ModelReport>
  /** Ranks by the formula again, without a model. */
  unloadModel(): Promise<void>
  /** Replaces the catalogue. A refused one leaves the old one in force. */
  loadCatalogue(source: Source | Catalogue): Promise<CatalogueReport>
  /**
   * Makes the catalogue the next version with what `nearside catalogue delta` wrote. One for another version than
   * that in force is refused (`delta-mismatch`), and the catalogue stays as it was.
   */
  applyDelta(source: Source): Promise<DeltaReport>
  /** The profile and counters as bytes, for {@link Engine.restore}. */
  snapshot(): Promise<Uint8Array>
  /** Replaces the profile and counters. A refused snapshot changes nothing. */
  restore(snapshot: Uint8Array | ArrayBuffer): Promise<void>
  /** Erases the profile and counters; catalogue and model stay. */
  forget(): Promise<void>
  /** What the engine knows and has done. */
  stats(): Promise<Stats>
  /** Answers the calls already made, then frees everything. May be called twice. */
  dispose(): Promise<void>
}

/** What differs between a page and Node. */
export interface Platform {
  /** Starts whatever answers the calls. */
  connect(options: EngineOptions): Promise<{ client: Client; runs: Engine['runs'] }>
  /** Fetches a file. */
  read(url: URL, signal: AbortSignal | undefined): Promise<Uint8Array | Response>
}

/** Behind every `createEngine`. */
export async function startEngine(platform: Platform, options: EngineOptions): Promise<Engine> {
  const { seed, signal } = options
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new EngineError('invalid-field', `\`seed\` cannot be ${seed}`, {
      field: 'seed',
      value: String(seed),
      remedy: 'Use a whole number',
    })
  }
  if (signal?.aborted) throw aborted(signal)
  const starting = start(platform, options)
  if (!signal) return starting
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(aborted(signal))
      starting.then(
        (engine) => engine.dispose(),
        () => {},
      )
    }
    signal.addEventListener('abort', stop, { once: true })
    starting.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function start(platform: Platform, options: EngineOptions): Promise<Engine> {
  const read = (url: URL) => platform.read(url, options.signal)
  // The downloads overlap with the start of the wasm; their failures are reported in turn.
  const begun = <T>(download: Promise<T>) => {
    download.catch(() => {})
    return download
  }
  const { catalogue: given, model: file } = options
  const catalogue = given === undefined ? undefined : begun(catalogueOf(given, read, options.maxAds))
  const model = file === undefined ? undefined : begun(bytesOf('model', file, read))

  const { client, runs } = await platform.connect(options)
  const engine = new ClientEngine(client, runs, options, (url) => platform.read(url, undefined))
  try {
    if (catalogue) await engine.put(await catalogue)
    if (model) await engine.loadModel(await model)
  } catch (error) {
    await engine.dispose()
    throw error
  }
  return engine
}

function aborted(signal: AbortSignal): EngineError {
  return new EngineError('disposed', 'starting the engine was given up', { cause: signal.reason })
}

class ClientEngine implements Engine {
  readonly runs: Engine['runs']
  readonly #client: Client
  readonly #read: (url: URL) => Promise<Uint8Array | Response>
  readonly #now: () => number
  readonly #seed: number | undefined
  readonly #maxAds: number | undefined
  readonly #retrieve: RankRequest['retrieve']
  #rankings = 0
  #posted: Promise<unknown> = Promise.resolve()
  #answered: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(
    client: Client,
    runs: Engine['runs'],
    options: EngineOptions,
    read: (url: URL) => Promise<Uint8Array | Response>,
  ) {
    this.#client = client
    this.runs = runs
    this.#now = options.now ?? Date.now
    this.#seed = options.seed
    this.#maxAds = options.maxAds
    this.#retrieve = options.retrieve
    this.#read = read
  }

  observe(event: SessionEvent) {
    return this.#call('observe', (now) => [plainCopy(event), now])
  }

  rank(request: RankRequest) {
    return this.#call('rank', (now) => [this.#completed(plainCopy(request)), now])
  }

  feedback(feedback: Feedback) {
    return this.#call('feedback', (now) => [plainCopy(feedback), now])
  }

  tell(statement: Statement) {
    return this.#call('tell', (now) => [plainCopy(statement), now])
  }

  loadModel(source: Source) {
    return this.#call('loadModel', async (now) => [await bytesOf('model', source, this.#read), now])
  }

  unloadModel() {
    return this.#call('unloadModel', () => [])
  }

  loadCatalogue(source: Source | Catalogue) {
    return this.put(catalogueOf(source, this.#read, this.#maxAds))
  }

  /** Loads a catalogue's files, which may still be on their way. */
  put(files: CatalogueFiles | Promise<CatalogueFiles>) {
    return this.#call('loadCatalogue', async (now) => {
      const { bytes, shards } = await files
      return [bytes, now, shards]
    })
  }

  applyDelta(source: Source) {
    return this.#call('applyDelta', async (now) => [await bytesOf('delta', source, this.#read), now])
  }

  snapshot() {
    return this.#call('snapshot', () => [])
  }

  restore(snapshot: Uint8Array | ArrayBuffer) {
    return this.#call('restore', async () => [await bytesOf('snapshot', snapshot, this.#read)])
  }

  forget() {
    return this.#call('forget', () => [])
  }

  stats() {
    return this.#call('stats', (now) => [now])
  }

  dispose(): Promise<void> {
    return (this.#closed ??= this.#posted.then(() => this.#client.close()))
  }

  /**
   * Posts a call once all earlier ones are posted, and answers once all
   * earlier ones are answered: a file that is still coming holds back the
   * calls behind it, and nothing overtakes.
   */
  #call<K extends Op>(
    op: K,
    prepare: (now: number) => Calls[K] | Promise<Calls[K]>,
  ): Promise<Answers[K]> {
    const answer = this.#post(op, prepare)
    const inTurn = this.#answered.then(() => answer)
    // A failed call must not count as unhandled before its turn to be answered.
    answer.catch(() => {})
    this.#answered = inTurn.catch(() => {})
    return inTurn
  }

  async #post<K extends Op>(
    op: K,
    prepare: (now: number) => Calls[K] | Promise<Calls[K]>,
  ): Promise<Answers[K]> {
    if (this.#closed) {
      throw new EngineError('disposed', 'the engine was disposed of', {
        remedy: 'Create a new engine',
      })
    }
    const earlier = this.#posted
    let posted: () => void = () => {}
    this.#posted = new Promise<void>((resolve) => (posted = resolve))
    try {
      const args = prepare(this.#now())
      // A file that does not come must not count as unhandled while earlier calls are waited for.
      if (args instanceof Promise) args.catch(() => {})
      await earlier
      const answer = this.#client.call(op, await args)
      posted()
      return await answer
    } catch (error) {
      throw EngineError.from(error)
    } finally {
      posted()
    }
  }

  /** The request with what the engine's options say where it says nothing. */
  #completed(request: unknown): unknown {
    if (typeof request !== 'object' || request === null) return request
    const given = (field: string) => (request as Record<string, unknown>)[field] !== undefined
    const retrieve = given('retrieve') || this.#retrieve === undefined ? {} : { retrieve: this.#retrieve }
    const seed = given('seed') || this.#seed === undefined ? {} : { seed: this.#seed + this.#rankings++ }
    return { ...request, ...retrieve, ...seed }
  }
}
