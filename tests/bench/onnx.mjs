// Writing ONNX files small enough to be written by hand.

/** ONNX's numbers for element types. */
const TYPES = { float: 1, int64: 7 }

/**
 * An ONNX file. `inputs` and `output` are `[name, type, dims]`, a dimension
 * being a number or a letter. A weight is float unless its `type` is `int64`.
 */
export function model({ inputs, output, nodes, weights, metadata }) {
  const graph = [
    ...nodes.map((node) => message(1, nodeProto(node))),
    message(2, text('bench')),
    ...weights.map((weight) => message(5, tensor(weight))),
    ...inputs.map((input) => message(11, valueInfo(input))),
    message(12, valueInfo(output)),
  ]
  return Uint8Array.from([
    ...varint(1, 8),
    ...message(7, graph.flat()),
    ...message(8, [...message(1, []), ...varint(2, 17)]),
    ...Object.entries(metadata).flatMap(([key, value]) => message(14, [...message(1, text(key)), ...message(2, text(value))])),
  ])
}

function nodeProto({ op, from, to, attributes = {} }) {
  return [
    ...from.flatMap((name) => message(1, text(name))),
    ...message(2, text(to)),
    ...message(4, text(op)),
    ...Object.entries(attributes).flatMap(([name, value]) => message(5, [...message(1, text(name)), ...attribute(value)])),
  ]
}

/** A whole number, or a list of them. */
function attribute(value) {
  const [INT, INTS] = [2, 7]
  return Array.isArray(value)
    ? [...value.flatMap((each) => varint(8, each)), ...varint(20, INTS)]
    : [...varint(3, value), ...varint(20, INT)]
}

function tensor({ name, type = 'float', dims, values }) {
  const numbers = type === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values)
  const data = new Uint8Array(numbers.buffer)
  return [...dims.flatMap((dim) => varint(1, dim)), ...varint(2, TYPES[type]), ...message(8, text(name)), ...message(9, data)]
}

function valueInfo([name, type, dims]) {
  const shape = dims.flatMap((dim) => message(1, typeof dim === 'number' ? varint(1, dim) : message(2, text(dim))))
  return [...message(1, text(name)), ...message(2, message(1, [...varint(1, TYPES[type]), ...message(2, shape)]))]
}

const text = (string) => new TextEncoder().encode(string)

/** A field that holds bytes. */
function message(field, bytes) {
  return [...number((field << 3) | 2), ...number(bytes.length), ...bytes]
}

/** A field that holds a whole number. */
function varint(field, value) {
  return [...number(field << 3), ...number(value)]
}

function number(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}
