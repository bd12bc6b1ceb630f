/**
 * The one error class of this package, whichever side of the worker a failure
 * came from. Branch on `code`; the codes are stable, the messages are not.
 */

/** Refusals of an event, a request, a catalogue or a snapshot. */
export type CoreErrorCode =
  | 'invalid-json'
  | 'invalid-field'
  | 'no-catalogue'
  | 'empty-catalogue'
  | 'duplicate-id'
  | 'unknown-placement'
  | 'unknown-decision'
  | 'unknown-ad'
  | 'snapshot-version'
  | 'snapshot-damaged'
  | 'catalogue-schema'
  | 'catalogue-damaged'
  | 'shard-mismatch'
  | 'delta-mismatch'
  | 'non-finite-score'

/** Refusals of a model file. */
export type ScorerErrorCode =
  | 'model-damaged'
  | 'model-too-large'
  | 'unknown-input'
  | 'input-type'
  | 'input-shape'
  | 'missing-output'
  | 'output-shape'
  | 'unsupported-operator'
  | 'golden-mismatch'
  | 'schema-mismatch'
  | 'vocabulary-mismatch'
  | 'engine-failed'

/** Failures around the engine: its files, its worker, its life. */
export type FacadeErrorCode =
  | 'internal'
  | 'disposed'
  | 'wasm-unavailable'
  | 'wasm-blocked'
  | 'load-failed'

/** Every code an {@link EngineError} of this version can carry. */
export type ErrorCode = CoreErrorCode | ScorerErrorCode | FacadeErrorCode

/** What an {@link EngineError} says beside its code. */
export interface ErrorDetails {
  /** The field or option at fault, e.g. `items[2].price`. */
  readonly field?: string | undefined
  /** The offending value as text, shortened. */
  readonly value?: string | undefined
  /** What to change so that the call succeeds. */
  readonly remedy?: string | undefined
  /** The failure underneath; it does not cross the worker. */
  readonly cause?: unknown
}

/** An {@link EngineError} as plain data, for a worker's message or a log. */
export interface ErrorJson {
  readonly code: ErrorCode
  readonly message: string
  readonly field?: string | undefined
  readonly value?: string | undefined
  readonly remedy?: string | undefined
}

/**
 * A call that failed. The engine keeps what it had: a refused catalogue, model
 * or snapshot changes nothing.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** A stable word to branch on. */
  readonly code: ErrorCode
  /** The field or option at fault. */
  readonly field: string | undefined
  /** The offending value as text, shortened. */
  readonly value: string | undefined
  /** What to change so that the call succeeds. */
  readonly remedy: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.value = details.value
    this.remedy = details.remedy
  }

  /**
   * Whether a caught value is an error of this package, and of the given code
   * if there is one. Holds across two copies of the package on one page, where
   * `instanceof` does not.
   */
  static is(error: unknown, code?: ErrorCode): error is EngineError {
    return (
      error instanceof Error &&
      error.name === 'EngineError' &&
      'code' in error &&
      (code === undefined || error.code === code)
    )
  }

  /** Plain data; absent details are left out. */
  toJSON(): ErrorJson {
    const { code, message, field, value, remedy } = this
    return {
      code,
      message,
      ...(field !== undefined && { field }),
      ...(value !== undefined && { value }),
      ...(remedy !== undefined && { remedy }),
    }
  }

  /** Whatever was caught as an error of this package; `internal` if it is none. */
  static from(error: unknown): EngineError {
    if (error instanceof EngineError) return error
    return new EngineError('internal', `unexpected failure: ${error}`, { cause: error })
  }

  /** The reverse of {@link EngineError.toJSON}. */
  static fromJSON(json: ErrorJson): EngineError {
    return new EngineError(json.code, json.message, json)
  }
}
