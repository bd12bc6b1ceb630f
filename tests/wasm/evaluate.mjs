// What `nearside evaluate` asked, asked of the compact wasm build in Node.
//
//   node tests/wasm/evaluate.mjs MODEL CATALOGUE QUESTIONS [PERCENT-OF-SESSIONS]
//
// CATALOGUE and QUESTIONS are what `--catalogue-out` and `--questions` wrote. Prints the figures of both builds.

import { readFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

/** How deep a ranking is looked at. */
const DEPTH = 20

/**
 * Asks the wasm build: the place of each session's next item after every event but the last, 0 beyond the 20th.
 * Whoever shares the next item's score stands before it, as in the command.
 *
 * @param {typeof import('../../pkg/dist/wasm/compact/nearside_compact.js').NearsideEngine} NearsideEngine
 */
export function ask(NearsideEngine, { catalogue, model, sessions }) {
  const engine = new NearsideEngine()
  const start = sessions[0].events[0].ts
  engine.load_catalogue(catalogue, start)
  engine.load_model(model, start)
  const places = sessions.map(({ events, items }) => {
    engine.forget()
    return events.slice(0, -1).map((event, index) => {
      engine.observe(event, event.ts)
      const page = { type: 'product', item_id: items[index] }
      const { slate, fallback } = engine.rank({ placement: 'replay', page, retrieve: 'all', seed: 0 }, event.ts)
      if (fallback) throw new Error(`the model failed: ${fallback.message}`)
      const place = slate.findIndex(({ item_id }) => item_id === items[index + 1])
      if (place < 0) return 0
      const last = slate.findLastIndex(({ score }) => score === slate[place].score)
      return last < DEPTH ? last + 1 : 0
    })
  })
  engine.free()
  return places
}

/** Recall and MRR at 10 and 20, in percent. */
export function figures(places) {
  const all = places.flat()
  const mean = (gain) => (100 * all.map(gain).reduce((a, b) => a + b, 0)) / all.length
  const within = (depth, gain) => mean((place) => (place > 0 && place <= depth ? gain(place) : 0))
  return {
    recall_10: within(10, () => 1),
    recall_20: within(20, () => 1),
    mrr_10: within(10, (place) => 1 / place),
    mrr_20: within(20, (place) => 1 / place),
    pairs: all.length,
  }
}

/** Reads what `--questions` wrote. */
export function read(path) {
  return readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [model, catalogue, questions, percent = '100'] = argv.slice(2)
  if (!questions) throw new Error('usage: node tests/wasm/evaluate.mjs MODEL CATALOGUE QUESTIONS [PERCENT-OF-SESSIONS]')
  const compact = new URL('../../pkg/dist/wasm/compact/', import.meta.url)
  const { NearsideEngine, initSync } = await import(new URL('nearside_compact.js', compact))
  initSync({ module: readFileSync(new URL('nearside_compact_bg.wasm', compact)) })
  const every = Math.max(1, Math.round(100 / Number(percent)))
  const sessions = read(questions).filter((_, index) => index % every === 0)
  const name = Object.keys(sessions[0].places).find((ranker) => ranker.endsWith(model.split('/').at(-1)))
  const began = performance.now()
  const wasm = figures(ask(NearsideEngine, { catalogue: readFileSync(catalogue), model: readFileSync(model), sessions }))
  const us = (1000 * (performance.now() - began)) / wasm.pairs
  const native = figures(sessions.map(({ places }) => places[name]))
  console.log(JSON.stringify({ model: name, native, wasm: { ...wasm, us_per_query: us } }, null, 2))
}
