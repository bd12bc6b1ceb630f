/**
 * The engine as a page sees it. Every method returns a promise; calls are
 * answered in the order they were made, wherever the engine runs.
 */

import type {
  Catalogue,
  CatalogueReport,
  Decision,
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
  /** Loaded before the engine is handed out, and before `model`. */
  catalogue?: Source | Catalogue | undefined
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
  /** The profile and counters as bytes, for {@link Engine.restore}. */
  snapshot(): Promise<Uint8Array>
  /** Replaces the profile and counters. A refused snapshot changes nothing. */
  restore(snapshot: Uint8Array | ArrayBuffer): Promise<void>
  /** What the engine knows and has done. */
  stats(): Promise<Stats>
  /** Answers the calls already made, then frees everything. May be called twice. */
  dispose(): Promise<void>
}
