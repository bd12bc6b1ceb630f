// The networks of networks.mjs in TensorFlow.js's operations.

import { SCALE, Weights } from './networks.mjs'

/** One network's weights and inputs as tensors. */
export class Tensors {
  #tf
  #inputs
  #weights = []
  #asked = 0
  #from = new Weights()

  /** `inputs` by name: `{ type, dims, values }`. */
  constructor(tf, inputs) {
    this.#tf = tf
    const types = { int64: 'int32', float: 'float32' }
    this.#inputs = Object.fromEntries(
      Object.entries(inputs).map(([name, { type, dims, values }]) => [name, tf.tensor(values, dims, types[type])]),
    )
  }

  /** The network's scores. */
  run(network, sizes) {
    let scores
    this.#asked = 0
    this.#tf.tidy(() => {
      scores = this.#tf.sigmoid(network(this, sizes)).dataSync()
    })
    return scores
  }

  dispose() {
    this.#tf.dispose([this.#inputs, this.#weights])
  }

  input = (name) => this.#inputs[name]
  table = (rows, width) => this.#weight(() => this.#tf.tensor(this.#from.table(rows, width), [rows, width]))
  gather = (table, ids) => this.#tf.gather(table, ids)
  concat = (parts, axis) => this.#tf.concat(parts, axis)
  sub = (a, b) => this.#tf.sub(a, b)
  mul = (a, b) => this.#tf.mul(a, b)
  sum = (x, axis) => this.#tf.sum(x, axis)
  unsqueeze = (x, axis) => this.#tf.expandDims(x, axis)
  present = (ids) => this.#tf.cast(this.#tf.notEqual(ids, this.#tf.scalar(0, 'int32')), 'float32')
  expand = (x, ads, dims) => this.#tf.broadcastTo(x, [ads.shape[0], ...dims])
  dot = (ads, shopper) => this.#tf.mul(this.#tf.matMul(ads, shopper, false, true), this.#tf.scalar(SCALE))

  dense(x, from, to, activation) {
    // Its fused product adds a bias to the wrong columns where the weights are to be transposed.
    const weight = this.#weight(() => this.#tf.tidy(() => this.#tf.transpose(this.#tf.tensor(this.#from.matrix([to, from], from), [to, from]))))
    return this.#layer(x, weight, to, activation)
  }

  linear(x, from, to, activation) {
    const weight = this.#weight(() => this.#tf.tensor(this.#from.matrix([from, to], from), [from, to]))
    const rows = this.#tf.reshape(x, [-1, from])
    return this.#tf.reshape(this.#layer(rows, weight, to, activation), [...x.shape.slice(0, -1), to])
  }

  /** A dense layer as TensorFlow.js has it: product, bias and activation in one. */
  #layer(a, b, to, activation) {
    const bias = this.#weight(() => this.#tf.tensor(this.#from.matrix([to], 100), [to]))
    return this.#tf.fused.matMul({ a, b, bias, activation: activation?.toLowerCase() ?? 'linear' })
  }

  /** A weight as it was made when it was first asked for. */
  #weight(make) {
    return (this.#weights[this.#asked++] ??= this.#tf.keep(make()))
  }
}
