// The engines that ours stands beside, as race.mjs opens them.

import { bestScores } from './probe.mjs'
import { event, NOW, request } from './shop.mjs'
import { Tensors } from './tensors.mjs'

/** onnxruntime-web on the same file. */
export const onnxruntime = (ort, name) => ({
  name,
  async open({ shop, inputs }) {
    const session = await ort.InferenceSession.create(shop.bytes, { executionProviders: ['wasm'] })
    const feeds = Object.fromEntries(Object.entries(inputs).map(([input, values]) => [input, tensor(ort, values)]))
    return {
      run: () => session.run(feeds),
      scores: async () => (await session.run(feeds)).score.data,
      close: () => session.release(),
    }
  },
})

function tensor(ort, { type, dims, values }) {
  return type === 'int64'
    ? new ort.Tensor('int64', BigInt64Array.from(values, (value) => BigInt(Math.round(value))), dims)
    : new ort.Tensor('float32', Float32Array.from(values), dims)
}

/** Our own full engine: all that ours does, in the build that the package loads where the compact one lacks an operator. */
export const full = (glue) => ({
  name: 'full engine (tract)',
  async open({ shop: { catalogue, model, past }, limit }) {
    const raw = new glue.NearsideEngine()
    raw.load_catalogue(new TextEncoder().encode(JSON.stringify(catalogue)), NOW)
    for (let n = 0; n < past; n++) raw.observe(event(catalogue.products, n), NOW)
    raw.load_model(model, NOW)
    return {
      run: () => raw.rank(request({ limit }), NOW),
      scores: () => bestScores({ rank: (request) => raw.rank(request, NOW) }),
      close: () => raw.free(),
    }
  },
})

/** TensorFlow.js, its wasm backend ready, on the networks that are known beyond their files. */
export const tensorflow = (tf, name) => ({
  name,
  async open({ shop, inputs, network }) {
    if (!network) return undefined
    const tensors = new Tensors(tf, inputs)
    // The answer has to be in JavaScript's hands, as onnxruntime's is.
    const scores = () => tensors.run(network.network, shop.sizes)
    return { run: scores, scores, close: () => tensors.dispose() }
  },
})
