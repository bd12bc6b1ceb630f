// Inputs of the right shape for the demo's model, for when their values do not matter.

/** Letters that the file leaves open: the number of ads, and the width of content vectors. */
const SIZES = { N: 1000, D: 64 }

/** Zeros for every input of an onnxruntime session. */
export function zeros(ort, session) {
  const feeds = {}
  for (const { name, type, shape } of session.inputMetadata) {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : SIZES[dim]))
    const size = dims.reduce((a, b) => a * b, 1)
    feeds[name] = new ort.Tensor(type, type === 'int64' ? new BigInt64Array(size) : new Float32Array(size), dims)
  }
  return feeds
}
