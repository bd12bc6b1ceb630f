// Three networks of the kinds that shops rank with, as exporters write them.
//
// Each is written once, against operations that two classes offer: `File`
// makes an ONNX file of them, `Tensors` (tensors.mjs) computes them with
// TensorFlow.js. Weights come from a seed in the order in which they are asked
// for, so both have the same.

import { WIDTH } from './large.mjs'
import { model } from './onnx.mjs'
import { numbers } from './random.mjs'

/** Steps of a session that the attention looks at. */
const STEPS = 20

/** What the networks read, as `[type, dims]`. */
export const INPUTS = {
  'session.item': ['int64', [1, STEPS]],
  'session.category': ['int64', [1, STEPS]],
  'session.brand': ['int64', [1, STEPS]],
  'profile.interest': ['float', [1, WIDTH]],
  'profile.stage': ['float', [1, 6]],
  'context.page': ['float', [1, 7]],
  'context.time': ['float', [1, 4]],
  'context.device': ['float', [1, 3]],
  'context.interest': ['float', [1, WIDTH]],
  'ad.item': ['int64', ['N']],
  'ad.category': ['int64', ['N']],
  'ad.brand': ['int64', ['N']],
  'ad.price': ['float', ['N', 1]],
  'ad.embedding': ['float', ['N', WIDTH]],
}

/** Two towers, 128 -> 128 -> 64 each, that meet in a dot product. */
function towers(o) {
  const tower = (parts, width) => {
    const first = o.dense(o.concat(parts.map((name) => o.input(name)), 1), width, 128, 'Relu')
    return o.dense(o.dense(first, 128, 128, 'Relu'), 128, 64)
  }
  const request = ['context.page', 'context.time', 'context.device', 'context.interest']
  const shopper = tower(['profile.interest', 'profile.stage', ...request], 2 * WIDTH + 20)
  return o.dot(tower(['ad.embedding', 'ad.price'], WIDTH + 1), shopper)
}

/** The shopper's row beside every ad's, through dense layers 128 -> 128 -> 64 -> 1. */
function mlp(o) {
  const ads = o.input('ad.embedding')
  const joined = o.concat([o.expand(o.input('profile.interest'), ads, [WIDTH]), ads], 1)
  return o.dense(o.dense(o.dense(joined, 128, 128, 'Relu'), 128, 64, 'Relu'), 64, 1)
}

/** Deep Interest Network (Zhou et al. 2018): for every ad and step a small network over [h, a, h - a, h * a] weighs the step. */
function din(o, { items, categories, brands }) {
  const tables = [['item', o.table(items + 1, 32)], ['category', o.table(categories + 1, 16)], ['brand', o.table(brands + 1, 16)]]
  const steps = o.concat(tables.map(([name, table]) => o.gather(table, o.input(`session.${name}`))), 2)
  const ads = o.concat(tables.map(([name, table]) => o.gather(table, o.input(`ad.${name}`))), 1)
  const h = o.expand(steps, ads, [STEPS, 64])
  const a = o.expand(o.unsqueeze(ads, 1), ads, [STEPS, 64])
  const weights = o.linear(o.linear(o.concat([h, a, o.sub(h, a), o.mul(h, a)], 2), 256, 36, 'Relu'), 36, 1)
  const seen = o.unsqueeze(o.present(o.input('session.item')), 2)
  const pooled = o.sum(o.mul(o.mul(weights, seen), h), 1)
  return o.dense(o.dense(o.concat([pooled, ads, o.mul(pooled, ads)], 1), 192, 80, 'Relu'), 80, 1)
}

/**
 * The networks by name. `whole` is the multiply-adds of one ad as the file
 * says them, `rest` those that remain where all that depends on the shopper
 * alone or on the ad alone is computed once, and `reads` the numbers that must
 * then be read for one ad.
 *
 * Of the attention's first layer one product remains: h * a through 64 x 36
 * for each step, the rest of it being a row for the shopper and a row for the
 * ad. Of the layer behind the pooling what reads the ad alone goes.
 */
export const NETWORKS = {
  towers: { network: towers, whole: 65 * 128 + 128 * 128 + 128 * 64 + 64, rest: 64, reads: 64 },
  mlp: { network: mlp, whole: 128 * 128 + 128 * 64 + 64, rest: 128 * 64 + 64, reads: 128 },
  din: {
    network: din,
    whole: STEPS * (256 * 36 + 36 + 64) + 192 * 80 + 80,
    rest: STEPS * (64 * 36 + 36 + 64) + 2 * 64 * 80 + 80,
    reads: 64 + 36 + 80,
  },
}

/** Weights in the order in which a network asks for them. */
export class Weights {
  #next = numbers(2026)

  /** Uniform, with the variance that keeps activations in range through layers with rectifiers. */
  matrix(dims, fanIn) {
    const scale = Math.sqrt(6 / fanIn)
    return Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * this.#next())
  }

  /** One more row per id than ids, since 0 is padding: its row is zeros. */
  table(rows, width) {
    const values = this.matrix([rows, width], width)
    return values.fill(0, 0, width)
  }
}

/** The ONNX file of a network over a catalogue with vocabularies of these sizes. */
export function file(network, sizes) {
  return new File().of(network, sizes)
}

/** Records operations as nodes. A value is its name. */
class File {
  #nodes = []
  #weights = []
  #inputs = new Set()
  #from = new Weights()

  of(network, sizes) {
    this.#op('Sigmoid', [network(this, sizes)], {}, 'score')
    return model({
      inputs: [...this.#inputs].map((name) => [name, ...INPUTS[name]]),
      output: ['score', 'float', ['N', 1]],
      nodes: this.#nodes,
      weights: this.#weights,
      metadata: { 'nearside.schema': '1', 'nearside.output': 'probability' },
    })
  }

  input(name) {
    this.#inputs.add(name)
    return name
  }

  table = (rows, width) => this.#weight([rows, width], this.#from.table(rows, width))
  gather = (table, ids) => this.#op('Gather', [table, ids], { axis: 0 })
  concat = (parts, axis) => this.#op('Concat', parts, { axis })
  sub = (a, b) => this.#op('Sub', [a, b])
  mul = (a, b) => this.#op('Mul', [a, b])
  sum = (x, axis) => this.#op('ReduceSum', [x, this.#integers([axis])], { keepdims: 0 })
  unsqueeze = (x, axis) => this.#op('Unsqueeze', [x, this.#integers([axis])])
  present = (ids) =>
    this.#op('Where', [this.#op('Equal', [ids, this.#integers([0])]), this.#weight([1], [0]), this.#weight([1], [1])])

  /** Rows of `x`, as many as `ads` has: `x.expand(ads.shape[0], ...dims)`. */
  expand(x, ads, dims) {
    const count = this.#op('Slice', [this.#op('Shape', [ads]), this.#integers([0]), this.#integers([1])])
    return this.#op('Expand', [x, this.#op('Concat', [count, this.#integers(dims)], { axis: 0 })])
  }

  /** A dense layer over rows. */
  dense(x, from, to, activation) {
    const weight = this.#weight([to, from], this.#from.matrix([to, from], from))
    const layer = this.#op('Gemm', [x, weight, this.#weight([to], this.#from.matrix([to], 100))], { transB: 1 })
    return activation ? this.#op(activation, [layer]) : layer
  }

  /** A dense layer over rows of rows. */
  linear(x, from, to, activation) {
    const product = this.#op('MatMul', [x, this.#weight([from, to], this.#from.matrix([from, to], from))])
    const layer = this.#op('Add', [product, this.#weight([to], this.#from.matrix([to], 100))])
    return activation ? this.#op(activation, [layer]) : layer
  }

  /** Every ad's product with the shopper, at a scale that leaves the sigmoid some slope. */
  dot(ads, shopper) {
    const product = this.#op('MatMul', [ads, this.#op('Transpose', [shopper], { perm: [1, 0] })])
    return this.#op('Mul', [product, this.#weight([1], [SCALE])])
  }

  #op(op, from, attributes, to = `v${this.#nodes.length}`) {
    this.#nodes.push({ op, from, to, attributes })
    return to
  }

  #weight(dims, values, type) {
    const name = `w${this.#weights.length}`
    this.#weights.push({ name, dims, values, type })
    return name
  }

  #integers = (values) => this.#weight([values.length], values, 'int64')
}

/** What a dot product of towers is multiplied by: 1 over the square root of its length, as attention does. */
export const SCALE = 1 / 8
