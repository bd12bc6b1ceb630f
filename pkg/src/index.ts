/**
 * Nearside ranks a shop's ads and products in the shopper's browser.
 *
 * Start with {@link createEngine}. `engine.ts` has the engine's interface,
 * `types.ts` the data, `errors.ts` the one error class. Importing this module
 * touches neither the network nor the page, so a server may do it too.
 */

export { createEngine } from './browser.js'
export type { Engine, EngineOptions, Source, WasmSource } from './engine.js'
export { EngineError } from './errors.js'
export type {
  CoreErrorCode,
  ErrorCode,
  ErrorDetails,
  ErrorJson,
  FacadeErrorCode,
  ScorerErrorCode,
} from './errors.js'
export type * from './types.js'
