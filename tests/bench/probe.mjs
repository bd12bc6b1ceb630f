// The numbers that our engine gives to a model, for the other engines.
//
// They are read through the public interface: a model that has one column of
// one feature as its score shows that column in the slate. So all engines get
// the same inputs, and nothing here knows how a feature is computed.

import { model } from './onnx.mjs'
import { request, SLATE_LIMIT } from './shop.mjs'

/** The score of ads that a probe leaves out. */
const OUTSIDE = -1e30

/**
 * What a model's inputs hold for this engine's shopper now: name to
 * `{ type, dims, values }`, ads in the order of `items`, all of which the
 * item vocabulary knows. Leaves the engine without a model. `inputs` is a
 * model report's, `embeddingWidth` a catalogue report's.
 */
export async function readInputs(engine, inputs, items, embeddingWidth) {
  const found = {}
  for (const input of inputs) {
    const perAd = isPerAd(input.name)
    const width = widthOf(input, embeddingWidth)
    const columns = []
    for (let column = 0; column < width; column++) {
      columns.push(perAd ? await columnOf(engine, input, width, column, items) : [await cell(engine, input, width, column)])
    }
    const rows = perAd ? items.length : 1
    const values = Array.from({ length: rows }, (_, row) => columns.map((column) => column[row])).flat()
    const dims = input.shape.length === 1 ? [rows] : [rows, width]
    found[input.name] = { type: input.dtype, dims, values }
  }
  await engine.unloadModel()
  return found
}

/** The best ads' scores by their products, as many as a slate may have. */
export async function bestScores(engine) {
  const { slate, fallback } = await engine.rank(request({ limit: SLATE_LIMIT }))
  if (fallback !== null) throw new Error(`the model did not score: ${fallback.message}`)
  return new Map(slate.map(({ item_id, score }) => [item_id, score]))
}

const isPerAd = (name) => name.startsWith('ad.') || name.startsWith('pair.')

/** One number of an input that is the same for every ad. */
async function cell(engine, input, width, column) {
  await engine.loadModel(probe(input, width, column, [1, SLATE_LIMIT]))
  const [value] = (await bestScores(engine)).values()
  return value
}

/** One number of every ad, as many ads at a time as a slate may have. */
async function columnOf(engine, input, width, column, items) {
  const found = new Map()
  for (let first = 1; first <= items.length; first += SLATE_LIMIT) {
    await engine.loadModel(probe(input, width, column, [first, first + SLATE_LIMIT - 1]))
    for (const [item, value] of await bestScores(engine)) if (value > OUTSIDE) found.set(item, value)
  }
  if (found.size !== items.length) throw new Error(`${input.name}: ${found.size} of ${items.length} ads compete`)
  return items.map((item) => found.get(item))
}

/** Numbers in a row of this input: what the file says, and where it leaves that open, the catalogue. */
function widthOf({ name, shape }, embeddingWidth) {
  if (shape.length === 1) return 1
  if (typeof shape[1] === 'number') return shape[1]
  if (/^session\./.test(name)) throw new Error(`${name} is as long as the session, which changes while the bench runs`)
  return embeddingWidth
}

/** A model whose score is one column of one input, for the ads with these ids, first and last. */
function probe({ name, dtype }, width, column, [first, last]) {
  const nodes = []
  const number = (from, type) => {
    if (type === 'float') return from
    nodes.push({ op: 'Cast', from: [from], to: `${from} as float`, attributes: { to: 1 } })
    return `${from} as float`
  }
  const [value, id] = [number(name, dtype), name === 'ad.item' ? 'ad.item as float' : number('ad.item', 'int64')]
  nodes.push(
    { op: 'MatMul', from: [value, 'column'], to: 'value' },
    { op: 'Sub', from: [id, 'middle'], to: 'offset' },
    { op: 'Abs', from: ['offset'], to: 'distance' },
    { op: 'Greater', from: ['distance', 'reach'], to: 'far' },
    { op: 'Where', from: ['far', 'outside', 'value'], to: 'score' },
  )
  const inputs = [[name, dtype, [isPerAd(name) ? 'N' : 1, width]]]
  if (name !== 'ad.item') inputs.push(['ad.item', 'int64', ['N', 1]])
  return model({
    inputs,
    output: ['score', 'float', ['N', 1]],
    nodes,
    weights: [
      { name: 'column', dims: [width, 1], values: Array.from({ length: width }, (_, k) => Number(k === column)) },
      { name: 'middle', dims: [1], values: [(first + last) / 2] },
      { name: 'reach', dims: [1], values: [(last - first + 1) / 2] },
      { name: 'outside', dims: [1], values: [OUTSIDE] },
    ],
    metadata: { 'nearside.schema': '1', 'nearside.output': 'probability' },
  })
}
