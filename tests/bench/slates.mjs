// A slate of the best 20 of many ads in two stages, beside onnxruntime-web scoring every ad.
//
// `nearside catalogue build --model` learns from simulated shoppers which ads to score. Here others come, of another seed:
// one is timed, and of many it is counted how much of the exact best 20 they are shown.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nearside } from '../wasm/native.mjs'
import { compiled } from './compiled.mjs'
import { alternate, row } from './measure.mjs'
import { apartness, inputsOf, shopper, TOLERANCE } from './race.mjs'
import { CONTESTS, request } from './shop.mjs'

/** Shoppers that are learnt from; the more, the better the anchors, and the longer the command takes. */
const LEARNT = 1500
/** Shoppers that recall is counted over. */
const SHOPPERS = 60
/** Of those. The command learns from seed 1, and how many ads are found was chosen on seed 2. */
const SEED = 3

/**
 * By the name of the row: the contest of all ads that it shortens, and how many ads are found, where the engine's own
 * number finds too few of the best. Attention over steps makes scores that anchors foretell less well.
 */
export const SLATES = {
  slate_10000_towers: { contest: 'rank_10000_towers' },
  slate_10000_mlp: { contest: 'rank_10000_mlp' },
  slate_10000_din: { contest: 'rank_10000_din', retrieve: 2000 },
}

/** Runs one row: `{ row, note }`. `createEngine` is ours, and `peer` is as for `race`. */
export async function slate(name, { createEngine, peer }) {
  const { contest, retrieve } = SLATES[name]
  const { make, limit, rounds, past } = CONTESTS[contest]
  const { catalogue, bytes } = make()
  const model = compiled(bytes)
  const folder = mkdtempSync(join(tmpdir(), 'nearside-slate-'))
  const open = []
  try {
    const { address, log } = build(folder, catalogue, model)
    const shop = { createEngine, past, catalogue, model, bytes }
    const { inputs } = await inputsOf(shop)
    const theirs = await peer.open({ shop, inputs, limit })
    open.push(theirs.close)
    const { engine, moveOn } = await shopper({ ...shop, address })
    open.push(() => engine.dispose())

    const exact = await engine.rank(request({ limit, retrieve: 'all' }))
    const best = new Map(exact.slate.map(({ item_id, score }) => [item_id, score]))
    const apart = apartness(best, await theirs.scores(), shop)
    if (!(apart <= TOLERANCE)) throw new Error(`${name}: the engines differ by ${apart}`)
    let scored
    const ours = async () => {
      const { retrieval } = await engine.rank(request({ limit, retrieve }))
      if (retrieval.by !== 'anchors') throw new Error(`${name}: found by ${retrieval.by}`)
      scored = retrieval.ads
    }
    const times = await alternate({ ours, theirs: theirs.run }, { rounds, warmup: rounds >> 2, between: moveOn })
    const { recall, shoppers } = await recallOf({ createEngine, address, model, log, limit, retrieve })
    const note = `${name}: ${scored} ads scored; ${(100 * recall).toFixed(2)} % of the exact best ${limit} over ${shoppers} shoppers.`
    return { row: { ...row(name, times.ours, peer.name, times.theirs), recall, scored_ads: scored, shoppers }, note }
  } finally {
    for (const close of open) await close()
    rmSync(folder, { recursive: true })
  }
}

/** Writes the catalogue with anchors for the model, and what other shoppers do. Gives its address and their log. */
function build(folder, catalogue, model) {
  const [feed, file, events] = ['feed.json', 'model.onnx', 'events.jsonl'].map((name) => join(folder, name))
  writeFileSync(feed, JSON.stringify(catalogue))
  writeFileSync(file, model)
  // Exact content vectors, so that the model reads the numbers that the peer is given.
  nearside('catalogue', 'build', feed, '--out', folder, '--exact', '--model', file, '--shoppers', `${LEARNT}`, '--seed', '1')
  nearside('simulate', '--catalogue', feed, '--sessions', `${SHOPPERS}`, '--seed', `${SEED}`, '--out', events)
  return { address: pathToFileURL(join(folder, 'catalogue.json')), log: readFileSync(events, 'utf8') }
}

/** The share of the exact best `limit` that the shoppers of a log are shown at its end. */
async function recallOf({ createEngine, address, model, log, limit, retrieve }) {
  let now = 0
  const engine = await createEngine({ catalogue: address, now: () => now })
  try {
    await engine.loadModel(model)
    const items = async (more) => (await engine.rank(request({ limit, ...more }))).slate.map(({ item_id }) => item_id)
    const all = sessions(log)
    let [found, wanted] = [0, 0]
    for (const events of all) {
      await engine.forget()
      for (const event of events) {
        now = event.ts
        await engine.observe(event)
      }
      const [shown, best] = [new Set(await items({ retrieve })), await items({ retrieve: 'all' })]
      found += best.filter((item) => shown.has(item)).length
      wanted += best.length
    }
    return { recall: found / wanted, shoppers: all.length }
  } finally {
    await engine.dispose()
  }
}

/** Events by session, in the order of the log. */
function sessions(log) {
  const found = new Map()
  for (const line of log.trimEnd().split('\n')) {
    const event = JSON.parse(line)
    if (!found.has(event.session)) found.set(event.session, [])
    found.get(event.session).push(event)
  }
  return [...found.values()]
}
