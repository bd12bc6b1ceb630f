// Ranking with one model, through our whole engine and through others.
//
// Ours does all that a shop needs: features from profile and catalogue, scores,
// who may compete, order, slate. A peer runs the model alone, on inputs made
// beforehand; that is unfair to us, and simple to check.

import { distance } from './limits.mjs'
import { alternate, beside, row } from './measure.mjs'
import { bestScores, readInputs } from './probe.mjs'
import { CONTESTS, event, NOW, request } from './shop.mjs'

/** How far two engines may differ in a score, relative to it. All compute in f32, in different orders. */
export const TOLERANCE = 1e-5

/** Where a score is smaller, the difference counts as if it were this: a sigmoid makes a small one less exact. */
const FLOOR = 0.1

/** Rounds before the first that counts, at most; where rounds are few they are slow. */
const WARMUP = 20

/** Rounds beside the engines of `others`, which are slow. */
const FEW = 5

/**
 * Runs the race of one row: `{ row, note }`. `createEngine` is ours with its
 * options, `read` gets a file from the repository's root, and `peer` is
 * `{ name, open }`. `compile` gives a file as `nearside compile` writes it: that
 * is what ours gets of a network, and the peer the original. `others` are further engines, in fewer rounds beside ours.
 *
 * `open({ shop, inputs, limit })` gives `{ run, scores, close }`, or nothing
 * where the engine cannot run the model: `scores()` is every ad's score in the
 * catalogue's order, or a `Map` of the best by their products. Where the clock
 * is `coarse`, short calls are timed several at a time.
 */
export async function race(name, { createEngine, read, compile, peer, others = [], coarse = false }) {
  const { make, ...contest } = CONTESTS[name]
  const { limit, past } = contest
  const batch = coarse ? contest.batch : 1
  const rounds = Math.ceil(contest.rounds / batch)
  const made = await make(read)
  const shop = { createEngine, past, ...made, model: contest.network ? await compile(made.bytes) : made.bytes }
  const { best, inputs } = await inputsOf(shop)
  const { engine, moveOn } = await shopper(shop)
  const ours = () => engine.rank(request({ limit }))
  const given = { shop, inputs, limit, network: contest.network }
  const theirs = await peer.open(given)
  try {
    const apart = [apartness(best, await theirs.scores(), shop)]
    const settings = { batch, between: moveOn }
    const times = await alternate({ ours, theirs: theirs.run }, { ...settings, rounds, warmup: Math.min(WARMUP, rounds >> 2) })
    const found = { ...row(name, times.ours, peer.name, times.theirs), others: [] }
    if (contest.network) Object.assign(found, await distance(contest.network, shop.sizes.items, found.ours_ms))
    for (const other of others) {
      const opened = await other.open(given)
      if (!opened) continue
      apart.push(apartness(best, await opened.scores(), shop))
      const times = await alternate({ ours, other: opened.run }, { ...settings, rounds: FEW, warmup: 1 })
      await opened.close()
      found.others.push(beside(times.ours, other.name, times.other))
    }
    const worst = Math.max(...apart)
    if (!(worst <= TOLERANCE)) throw new Error(`${name}: the engines differ by ${apart.join(', ')}`)
    const note = `${name}: the best ${best.size} scores agree within ${worst.toExponential(1)}`
    return { row: found, note }
  } finally {
    await theirs.close()
    await engine.dispose()
  }
}

/**
 * The largest difference, relative to the score: of the best ads, and of the
 * others by how much one of them passes the last of the best.
 */
export function apartness(best, scores, { catalogue }) {
  const given = scores instanceof Map ? [...scores] : catalogue.products.map(({ id }, i) => [id, scores[i]])
  const last = Math.min(...best.values())
  const difference = ([id, score]) => {
    const ours = best.get(id)
    return (ours === undefined ? Math.max(0, score - last) : Math.abs(ours - score)) / Math.max(FLOOR, score)
  }
  if (given.length < best.size) return Infinity
  return given.reduce((worst, each) => Math.max(worst, difference(each)), 0)
}

/**
 * An engine with a past. `moveOn` lets time pass and the shopper act, so that nothing computed for the last slate can stand
 * for the next. `address` is where the catalogue lies, if the engine is to fetch it.
 */
export async function shopper({ createEngine, past, catalogue, address, model }) {
  let now = NOW
  const engine = await createEngine({ catalogue: address ?? catalogue, now: () => now })
  let events = 0
  const act = () => engine.observe(event(catalogue.products, events++))
  while (events < past) await act()
  await engine.loadModel(model)
  const moveOn = async () => {
    now += 1000
    await act()
  }
  return { engine, moveOn }
}

/**
 * What the model is given for that shopper, and our best scores for it. Asks an engine of its own: it takes slates of
 * many ads to find out, and an engine remembers its slates.
 */
export async function inputsOf(shop) {
  const { engine } = await shopper(shop)
  try {
    const { embedding_width } = await engine.loadCatalogue(shop.catalogue)
    const { inputs } = await engine.loadModel(shop.model)
    const best = await bestScores(engine)
    const items = shop.catalogue.products.map(({ id }) => id)
    return { best, inputs: await readInputs(engine, inputs, items, embedding_width) }
  } finally {
    await engine.dispose()
  }
}
