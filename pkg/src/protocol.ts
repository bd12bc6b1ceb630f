/**
 * The calls an engine answers, as they cross a worker. Every time is handed
 * in, so that the same calls give the same answers.
 */

import type { ErrorJson } from './errors.js'
import type {
  CatalogueReport,
  Decision,
  DeltaReport,
  FeedbackResult,
  ModelReport,
  Observed,
  Stats,
} from './types.js'

/** Arguments by call; `now` is in milliseconds since 1970. */
export interface Calls {
  observe: [event: unknown, now: number]
  rank: [request: unknown, now: number]
  feedback: [feedback: unknown, now: number]
  tell: [statement: unknown, now: number]
  /** A catalogue, or a manifest and the shards to load. */
  loadCatalogue: [bytes: Uint8Array, now: number, shards?: Uint8Array[]]
  applyDelta: [bytes: Uint8Array, now: number]
  loadModel: [bytes: Uint8Array, now: number]
  unloadModel: []
  snapshot: []
  restore: [bytes: Uint8Array]
  forget: []
  stats: [now: number]
}

/** Answers by call. */
export interface Answers {
  observe: Observed
  rank: Decision
  feedback: FeedbackResult
  tell: void
  loadCatalogue: CatalogueReport
  applyDelta: DeltaReport
  loadModel: ModelReport
  unloadModel: void
  snapshot: Uint8Array
  restore: void
  forget: void
  stats: Stats
}

export type Op = keyof Calls

/** Whatever answers calls: an engine on this thread, or one in a worker. */
export interface Client {
  /** Answers in the order of the calls. Takes ownership of the bytes in `args`. */
  call<K extends Op>(op: K, args: Calls[K]): Promise<Answers[K]>
  /** Answers what was called before, then frees everything. */
  close(): Promise<void>
}

/** The two builds of the engine. */
export type BuildName = 'compact' | 'full'

/** What a build can be made from, in a form a worker can be sent. */
export type PortableWasm = string | ArrayBuffer | WebAssembly.Module

export type ToWorker =
  | { id: number; start: Record<BuildName, PortableWasm> }
  | { id: number; close: true }
  | { id: number; op: Op; args: Calls[Op] }

export type FromWorker =
  /** The script runs; sent once. */
  | { hello: true }
  | { id: number; answer: unknown }
  | { id: number; error: ErrorJson }
