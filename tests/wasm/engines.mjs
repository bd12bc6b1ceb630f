// A model file in the engines that shops and data scientists run it in: the two wasm builds, and onnxruntime-web.

import { readFileSync } from 'node:fs'
import * as ort from 'onnxruntime-web'

ort.env.wasm.numThreads = 1

/** Whether an input of the contract holds ids: int64 in the file. */
const isId = (name) => /^(session|ad)\.(item|category|brand|kind)$/.test(name)

const mapped = (inputs, tensor) => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensor(name, input)]))

/** A wasm build's glue, with its module. */
export async function open(build) {
  const folder = new URL('../../pkg/dist/wasm/', import.meta.url)
  // The relaxed build runs under the script of the compact one, which is loaded once more for it.
  const script = build === 'relaxed' ? 'compact/nearside_compact.js?relaxed' : `${build}/nearside_${build}.js`
  const glue = await import(new URL(script, folder))
  glue.initSync({ module: readFileSync(new URL(`${build}/nearside_${build}_bg.wasm`, folder)) })
  return glue
}

/** A function from inputs, `{ name: { shape, data } }`, to scores. */
export async function wasm(build, model) {
  const { NearsideNetwork } = await open(build)
  const network = new NearsideNetwork(model)
  const tensor = (name, { shape, data }) => ({ shape, data: isId(name) ? Int32Array.from(data) : Float32Array.from(data) })
  return async (inputs) => network.run(mapped(inputs, tensor))
}

/** The same in onnxruntime-web. */
export async function onnxruntime(model) {
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  const tensor = (name, { shape, data }) =>
    isId(name)
      ? new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)
      : new ort.Tensor('float32', Float32Array.from(data), shape)
  return async (inputs) => (await session.run(mapped(inputs, tensor))).score.data
}

/** A field of a protobuf message: every length-delimited value with this number. */
function* fields(bytes, wanted) {
  let at = 0
  const varint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    if (key % 8 === 0) varint()
    else {
      if (key % 8 !== 2) throw new Error('a model holds numbers and messages')
      const length = varint()
      if (Math.floor(key / 8) === wanted) yield bytes.subarray(at, at + length)
      at += length
    }
  }
}

/** The golden cases of a file: `[{ inputs, score }]`. */
export function golden(model) {
  const METADATA = 14
  const text = (message, number) => Buffer.from([...fields(message, number)][0]).toString()
  const entries = [...fields(model, METADATA)].map((entry) => [text(entry, 1), text(entry, 2)])
  return JSON.parse(Object.fromEntries(entries)['nearside.golden'])
}
