// `observe` inside the WebAssembly build, without the package's promises and without a worker.

import { event, NOW } from './shop.mjs'

/** Calls behind one measurement: browsers' clocks are coarse. */
const BATCH = 200

/**
 * Milliseconds per event, one for each batch. `glue` is the generated module,
 * opened; the catalogue is known, so that prices and names are filled in from it.
 */
export function observeRaw(glue, catalogue, rounds) {
  const engine = new glue.NearsideEngine()
  engine.load_catalogue(new TextEncoder().encode(JSON.stringify(catalogue)), NOW)
  const times = []
  let n = 0
  for (let round = -5; round < rounds; round++) {
    // Made beforehand: the shop has its event already.
    const events = Array.from({ length: BATCH }, () => event(catalogue.products, n++))
    const now = events.at(-1).ts
    let accepted = 0
    const began = performance.now()
    for (const event of events) if (engine.observe(event, now).accepted) accepted++
    const took = performance.now() - began
    if (accepted !== BATCH) throw new Error(`only ${accepted} of ${BATCH} events were accepted`)
    if (round >= 0) times.push(took / BATCH)
  }
  engine.free()
  return times
}
