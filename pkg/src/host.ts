/**
 * One engine on this thread: main thread, worker and Node all run this class.
 *
 * It starts with the compact build and moves to the full one when a model
 * needs it. It outlives traps: what has been answered is kept as the last
 * checkpoint (a snapshot) and a journal of the calls since, and is played into
 * a new instance before the next call.
 */

import { EngineError, type ErrorJson } from './errors.js'
import type { Answers, BuildName, Calls, Client, Op } from './protocol.js'
import type { RawEngine, WasmBuild } from './wasm.js'

/**
 * Codes with which the compact build refuses a model that the full one may run.
 * The others are faults of the file, which it would refuse as well.
 */
const COMPACT_ONLY = new Set(['unsupported-operator', 'engine-failed'])

/**
 * Work the journal may hold, in events. A checkpoint costs as much as some 20
 * events, a replay as much as what it holds: at 512 that is 4 % on every event,
 * and some 20 ms after a trap.
 */
const JOURNAL_LIMIT = 512
/** A ranking's share of that limit. */
const RANK_WORK = 8

/** Calls that may take a page's thread for long. */
const LONG = new Set<Op>(['loadCatalogue', 'applyDelta', 'loadModel', 'restore'])

/** Traps in a row, while ranking, that a model survives. */
const MODEL_STRIKES = 2

type Change = { [K in 'observe' | 'rank' | 'feedback' | 'tell']: [op: K, ...args: Calls[K]] }
type JournalEntry = Change[keyof Change]

/** A file in force, and the time it was loaded at. */
interface Loaded {
  bytes: Uint8Array
  now: number
}

/** A catalogue in force: its file, or a manifest with the shards that were loaded, and what was changed since. */
interface LoadedCatalogue extends Loaded {
  shards: Uint8Array[]
  deltas: Loaded[]
}

type Operations = {
  [K in Op]: (...args: Calls[K]) => Answers[K] | Promise<Answers[K]>
}

export class Host implements Client {
  readonly #open: (build: BuildName) => Promise<WasmBuild>
  readonly #pause: () => Promise<void>
  #build: WasmBuild
  #raw: RawEngine
  #generation: number
  #checkpoint: Uint8Array | undefined
  #journal: JournalEntry[] = []
  #work = 0
  #catalogue: LoadedCatalogue | undefined
  #model: Loaded | undefined
  #strikes = 0
  #tail: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(
    open: (build: BuildName) => Promise<WasmBuild>,
    pause: () => Promise<void>,
    build: WasmBuild,
  ) {
    this.#open = open
    this.#pause = pause
    this.#build = build
    this.#raw = build.create()
    this.#generation = build.generation
  }

  /**
   * Opens the compact build. `pause` runs before long calls, so that a page's
   * thread gets its turn between them.
   */
  static async start(
    open: (build: BuildName) => Promise<WasmBuild>,
    pause: () => Promise<void> = async () => {},
  ): Promise<Host> {
    return new Host(open, pause, await open('compact'))
  }

  call<K extends Op>(op: K, args: Calls[K]): Promise<Answers[K]> {
    const answer = this.#tail.then(() => this.#run(op, args))
    this.#tail = answer.catch(() => {})
    return answer
  }

  close(): Promise<void> {
    const done = this.#tail.then(() => {
      if (this.#closed) return
      this.#closed = true
      if (this.#generation === this.#build.generation) this.#raw.free()
    })
    this.#tail = done
    return done
  }

  async #run<K extends Op>(op: K, args: Calls[K]): Promise<Answers[K]> {
    if (this.#closed) throw new EngineError('disposed', 'the engine was disposed of')
    if (LONG.has(op)) await this.#pause()
    // Another engine on this thread may have trapped, and taken the instance along.
    if (this.#generation !== this.#build.generation) this.#revive()
    try {
      return await this.#operations[op](...args)
    } catch (error) {
      if (error instanceof EngineError) throw error
      if (isRefusal(error)) throw EngineError.fromJSON(error)
      if (op === 'rank' && this.#model && ++this.#strikes >= MODEL_STRIKES) {
        this.#model = undefined
        this.#trapped(error)
        throw new EngineError('internal', `the model broke the engine twice and is no longer in force: ${error}`, {
          remedy: 'Examine the model with `nearside check`; ranking goes on without it',
          cause: error,
        })
      }
      throw this.#trapped(error)
    }
  }

  readonly #operations: Operations = {
    observe: (event, now) => {
      const observed = this.#raw.observe(event, now)
      // What the engine left unread must not live on in the journal: it may be personal data.
      const unknown = observed.reason === 'unknown-event'
      this.#kept(['observe', unknown ? { event: Object(event).event } : event, now], observed)
      const unread = observed.reason || observed.flags.includes('personal-data-dropped')
      if (unread && !unknown) this.#check()
      return observed
    },
    rank: (request, now) => {
      const decision = this.#raw.rank(request, now)
      this.#strikes = 0
      // The seed drawn is what makes the replay take the same decision.
      return this.#kept(['rank', { ...Object(request), seed: decision.seed }, now], decision)
    },
    feedback: (feedback, now) =>
      this.#kept(['feedback', feedback, now], this.#raw.feedback(feedback, now)),
    tell: (statement, now) => this.#kept(['tell', statement, now], this.#raw.tell(statement, now)),
    loadCatalogue: (bytes, now, shards = []) => {
      // What was observed under the old catalogue must not be replayed under the new one.
      this.#check()
      const catalogue = { bytes, now, shards, deltas: [] }
      const report = load(this.#raw, catalogue)
      this.#catalogue = catalogue
      if (report.model_dropped) this.#model = undefined
      return report
    },
    applyDelta: (bytes, now) => {
      this.#check()
      const report = this.#raw.apply_delta(bytes, now)
      this.#catalogue?.deltas.push({ bytes, now })
      return report
    },
    loadModel: async (bytes, now) => {
      // Decisions in the journal are taken again on replay, so it must not span two models.
      this.#check()
      let report: Answers['loadModel']
      try {
        report = this.#raw.load_model(bytes, now)
      } catch (error) {
        if (this.#build.name === 'full' || !isRefusal(error) || !COMPACT_ONLY.has(error.code)) {
          throw error
        }
        report = await this.#moveToFull(bytes, now)
      }
      this.#model = { bytes, now }
      this.#strikes = 0
      return report
    },
    unloadModel: () => {
      this.#check()
      this.#raw.unload_model()
      this.#model = undefined
    },
    snapshot: () => this.#raw.snapshot(),
    restore: (bytes) => {
      this.#raw.restore(bytes)
      this.#rememberOnly(bytes)
    },
    forget: () => {
      this.#raw.forget()
      this.#rememberOnly(undefined)
    },
    stats: (now) => this.#raw.stats(now),
  }

  /** Notes a call that was answered, so that a trap cannot undo it. */
  #kept<T>(entry: JournalEntry, answer: T): T {
    this.#journal.push(entry)
    this.#work += entry[0] === 'rank' ? RANK_WORK : 1
    if (this.#work >= JOURNAL_LIMIT) this.#check()
    return answer
  }

  /** Turns the journal into a checkpoint. */
  #check(): void {
    if (this.#journal.length === 0) return
    try {
      this.#rememberOnly(this.#raw.snapshot())
    } catch (error) {
      // The call itself succeeded; the next one finds the engine revived.
      this.#trapped(error)
    }
  }

  #rememberOnly(checkpoint: Uint8Array | undefined): void {
    this.#checkpoint = checkpoint
    this.#journal = []
    this.#work = 0
  }

  async #moveToFull(bytes: Uint8Array, now: number): Promise<Answers['loadModel']> {
    const full = await this.#open('full')
    const raw = full.create()
    let report: Answers['loadModel']
    try {
      if (this.#catalogue) load(raw, this.#catalogue)
      this.#remember(raw, this.#journal)
      report = raw.load_model(bytes, now)
    } catch (error) {
      if (isRefusal(error)) {
        raw.free()
        throw error
      }
      // The compact engine is untouched and stays in force.
      full.renew()
      throw internal(error)
    }
    if (this.#generation === this.#build.generation) this.#raw.free()
    this.#build = full
    this.#raw = raw
    this.#generation = full.generation
    return report
  }

  #trapped(cause: unknown): EngineError {
    this.#build.renew()
    return internal(cause)
  }

  /** Makes the engine anew, giving up as little as possible where that traps as well. */
  #revive(): void {
    const plans = [
      { journal: this.#journal, model: this.#model },
      { journal: this.#journal, model: undefined },
      { journal: [], model: undefined },
    ]
    let cause: unknown
    for (const { journal, model } of plans) {
      const build = this.#build
      try {
        const raw = build.create()
        if (this.#catalogue) load(raw, this.#catalogue)
        if (model) raw.load_model(model.bytes, model.now)
        this.#remember(raw, journal)
        this.#raw = raw
        this.#generation = build.generation
        this.#journal = journal
        this.#model = model
        return
      } catch (error) {
        cause = error
        build.renew()
      }
    }
    throw internal(cause)
  }

  #remember(raw: RawEngine, journal: readonly JournalEntry[]): void {
    if (this.#checkpoint) raw.restore(this.#checkpoint)
    for (const [op, argument, now] of journal) raw[op](argument, now)
  }
}

/** Puts a catalogue in force, as it is by now. */
function load(raw: RawEngine, { bytes, now, shards, deltas }: LoadedCatalogue): Answers['loadCatalogue'] {
  let report: Answers['loadCatalogue']
  if (shards.length === 0) {
    report = raw.load_catalogue(bytes, now)
  } else {
    raw.open_manifest(bytes)
    // One after the other: each is copied into the engine's memory before it is read.
    for (const shard of shards) raw.add_shard(shard)
    report = raw.load_shards(now)
  }
  for (const delta of deltas) raw.apply_delta(delta.bytes, delta.now)
  return report
}

/** Whether the wasm said no, rather than broke. */
function isRefusal(error: unknown): error is ErrorJson {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    'code' in error &&
    typeof error.code === 'string'
  )
}

function internal(cause: unknown): EngineError {
  return new EngineError('internal', `the engine broke down and was started again: ${cause}`, {
    remedy: 'Call again; if it recurs, report it with the call that caused it',
    cause,
  })
}
