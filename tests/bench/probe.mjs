// The numbers that our engine gives to a model, for the other engine.
//
// They are read through the public interface: a model that has one column of
// one feature as its score shows that column in the slate. So both engines get
// the same inputs, and nothing here knows how a feature is computed.

import { model } from './onnx.mjs'
import { ADS, request } from './shop.mjs'

/**
 * What a model's inputs hold for this engine's shopper now: name to
 * `{ type, dims, values }`, ads in the order of `items`. Leaves the engine
 * without a model. `inputs` is a model report's, `embeddingWidth` a catalogue report's.
 */
export async function readInputs(engine, inputs, items, embeddingWidth) {
  const found = {}
  for (const input of inputs) {
    const rows = input.name.startsWith('ad.') || input.name.startsWith('pair.') ? ADS : 1
    const width = widthOf(input, embeddingWidth)
    const columns = []
    for (let column = 0; column < width; column++) {
      await engine.loadModel(probe(input, width, column))
      const scores = await scoresOf(engine)
      columns.push(rows === 1 ? [scores.get(items[0])] : items.map((item) => scores.get(item)))
    }
    const values = Array.from({ length: rows }, (_, row) => columns.map((column) => column[row])).flat()
    const dims = input.shape.length === 1 ? [rows] : [rows, width]
    found[input.name] = { type: input.dtype, dims, values }
  }
  await engine.unloadModel()
  return found
}

/** Every ad's score by its product. */
export async function scoresOf(engine) {
  const { slate, fallback } = await engine.rank(request({ limit: ADS }))
  if (fallback !== null) throw new Error(`the model did not score: ${fallback.message}`)
  if (slate.length !== ADS) throw new Error(`${slate.length} ads compete, not ${ADS}`)
  return new Map(slate.map(({ item_id, score }) => [item_id, score]))
}

/** Numbers in a row of this input: what the file says, and where it leaves that open, the catalogue. */
function widthOf({ name, shape }, embeddingWidth) {
  if (shape.length === 1) return 1
  if (typeof shape[1] === 'number') return shape[1]
  if (/^session\./.test(name)) throw new Error(`${name} is as long as the session, which changes while the bench runs`)
  return embeddingWidth
}

/** A model whose score for every ad is one column of one input. */
function probe({ name, dtype }, width, column) {
  const perAd = name.startsWith('ad.') || name.startsWith('pair.')
  const nodes = []
  let from = name
  if (dtype === 'int64') {
    nodes.push({ op: 'Cast', from: [from], to: 'number', attributes: { to: 1 } })
    from = 'number'
  }
  nodes.push({ op: 'MatMul', from: [from, 'column'], to: 'value' })
  // Whatever else it is, the score has to be one number per ad.
  nodes.push({ op: 'Mul', from: ['pair.cosine', 'zero'], to: 'nothing' })
  nodes.push({ op: 'Add', from: ['value', 'nothing'], to: 'score' })
  const inputs = [[name, dtype, [perAd ? 'N' : 1, width]]]
  if (name !== 'pair.cosine') inputs.push(['pair.cosine', 'float', ['N', 1]])
  return model({
    inputs,
    output: ['score', 'float', ['N', 1]],
    nodes,
    weights: [
      { name: 'column', dims: [width, 1], values: Array.from({ length: width }, (_, k) => Number(k === column)) },
      { name: 'zero', dims: [1], values: [0] },
    ],
    metadata: { 'nearside.schema': '1', 'nearside.output': 'probability' },
  })
}
