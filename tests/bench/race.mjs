// Ranking 1,000 ads with the same model, once through our whole engine and once through onnxruntime-web.
//
// Ours does all that a shop needs: features from profile and catalogue, scores,
// who may compete, order, slate. The peer runs the model alone, on inputs made
// beforehand; that is unfair to us, and simple to check.

import { alternate, row } from './measure.mjs'
import { readInputs, scoresOf } from './probe.mjs'
import { catalogueFor, event, MODELS, NOW, PAST, request } from './shop.mjs'

/** How far the two may differ in a score. Both compute in f32, in different orders. */
const TOLERANCE = 1e-5

/**
 * Runs the race for every model. `read` gets a file from the repository's root,
 * `createEngine` is ours with its options, `ort` is onnxruntime-web.
 */
export async function race({ createEngine, ort, read, peer, rounds, batch }) {
  const rows = []
  const notes = []
  for (const model of MODELS) {
    const bytes = await read(model.path)
    const catalogue = catalogueFor(model, new TextDecoder().decode(await read('www/public/catalogue.json')))
    const shop = { createEngine, catalogue, bytes }
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] })
    const { engine, act, pass } = await shopper(shop)
    try {
      const { feeds, scores } = await probe(shop, ort)
      const { score } = await session.run(feeds)
      const apart = Math.max(...catalogue.products.map(({ id }, i) => Math.abs(scores.get(id) - score.data[i])))
      if (!(apart <= TOLERANCE)) throw new Error(`${model.path}: the engines differ by ${apart}`)
      notes.push(`${model.path}: 1,000 scores agree within ${apart.toExponential(1)}`)

      const times = await alternate(
        { ours: () => engine.rank(request()), theirs: () => session.run(feeds) },
        {
          rounds,
          batch,
          warmup: 20,
          // The shopper moves on, so that nothing computed for the last slate can stand for the next.
          between: async () => {
            pass()
            await act()
          },
        },
      )
      rows.push(row(`rank_1000${model.suffix}`, times.ours, peer, times.theirs))
    } finally {
      await session.release()
      await engine.dispose()
    }
  }
  return { rows, notes }
}

/** An engine with a past, what its shopper does next, and the clock. */
async function shopper({ createEngine, catalogue, bytes }) {
  let now = NOW
  const engine = await createEngine({ catalogue, now: () => now })
  let events = 0
  const act = () => engine.observe(event(catalogue.products, events++))
  while (events < PAST) await act()
  await engine.loadModel(bytes)
  return { engine, act, pass: () => (now += 1000) }
}

/**
 * What the model is given for that shopper, and our scores for it. Asks an engine of its own: it takes slates of all
 * ads to find out, and an engine remembers its slates.
 */
async function probe(shop, ort) {
  const { engine } = await shopper(shop)
  try {
    const { embedding_width } = await engine.loadCatalogue(shop.catalogue)
    const { inputs } = await engine.loadModel(shop.bytes)
    const scores = await scoresOf(engine)
    const items = shop.catalogue.products.map(({ id }) => id)
    return { scores, feeds: tensors(ort, await readInputs(engine, inputs, items, embedding_width)) }
  } finally {
    await engine.dispose()
  }
}

/** Inputs as onnxruntime takes them. */
function tensors(ort, inputs) {
  const tensor = ({ type, dims, values }) =>
    type === 'int64'
      ? new ort.Tensor('int64', BigInt64Array.from(values, (value) => BigInt(Math.round(value))), dims)
      : new ort.Tensor('float32', Float32Array.from(values), dims)
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensor(input)]))
}
