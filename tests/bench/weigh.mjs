// What a shop's customers download, in bytes by name, as JSON: `node tests/bench/weigh.mjs [--out FILE]`.
//
// `facade_js` is what a page with a worker downloads, bundled and minified;
// `fallback_js` is what a page whose worker does not start adds to it;
// `download` is the compact engine and `facade_js`: all that comes before a
// first slate, without model and catalogue; `download_relaxed` is the same
// where the browser has relaxed SIMD.

import { constants, brotliCompressSync, gzipSync } from 'node:zlib'
import { scripts } from './bundle.mjs'
import { deliver, options, read } from './files.mjs'

/** Brotli's window as a power of two: 16 MiB, the largest that browsers take. */
const WINDOW = 24

/** Each file is compressed by itself, as a server sends it. */
function weigh(name, files) {
  const sum = { raw: 0, gzip: 0, brotli: 0 }
  for (const bytes of files) {
    sum.raw += bytes.length
    sum.gzip += gzipSync(bytes, { level: 9 }).length
    sum.brotli += brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: WINDOW,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }).length
  }
  return Object.entries(sum).map(([encoding, bytes]) => [`${name}_${encoding}`, bytes])
}

const engine = (name) => read(`pkg/dist/wasm/${name}/nearside_${name}_bg.wasm`)
const bundled = Object.values(await scripts())
const parts = (first) => bundled.filter((script) => script.first === first).map(({ text }) => Buffer.from(text))

const [compact, relaxed] = [await engine('compact'), await engine('relaxed')]

deliver(
  Object.fromEntries([
    ...weigh('download', [compact, ...parts(true)]),
    ...weigh('download_relaxed', [relaxed, ...parts(true)]),
    ...weigh('compact_wasm', [compact]),
    ...weigh('full_wasm', [await engine('full')]),
    ...weigh('facade_js', parts(true)),
    ...weigh('fallback_js', parts(false)),
  ]),
  options().out,
)
