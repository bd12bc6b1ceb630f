// Inputs of the right shape, for when their values do not matter.

import { WIDTH } from './large.mjs'

/** Zeros for every input of an onnxruntime session, for so many ads. */
export function zeros(ort, session, ads) {
  // The letters that files leave open: the number of ads, and the width of content vectors.
  const sizes = { N: ads, D: WIDTH }
  const feeds = {}
  for (const { name, type, shape } of session.inputMetadata) {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]))
    const size = dims.reduce((a, b) => a * b, 1)
    feeds[name] = new ort.Tensor(type, type === 'int64' ? new BigInt64Array(size) : new Float32Array(size), dims)
  }
  return feeds
}
