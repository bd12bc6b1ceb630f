// A session's query: the network of a large catalogue reads twenty steps and scores one ad.
//
// One ad, so that what is timed is the encoder and not the product with the catalogue; the item table is as large as
// that of the largest public log (Diginetica).

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nearside } from '../wasm/native.mjs'
import { alternate, row } from './measure.mjs'

const ITEMS = 43_097
const LENGTH = 20
const ROUNDS = 300

/** How far the two may differ in a score, as for every trained file. */
const TOLERANCE = 1e-4

/** The file of a network that `nearside train` writes for so many items; what it learns does not matter here. */
function model() {
  const folder = mkdtempSync(join(tmpdir(), 'nearside-encode-'))
  try {
    const events = join(folder, 'sessions.txt')
    const steps = Array.from({ length: ITEMS + 1 }, (_, step) => `p${step % ITEMS}`)
    const sessions = Array.from({ length: Math.ceil(ITEMS / 3) }, (_, i) => steps.slice(3 * i, 3 * i + 4).join(' '))
    writeFileSync(events, `${sessions.join('\n')}\n`)
    const quick = ['--epochs', '1', '--teachers', '0', '--min-count', '1', '--validation', '0.001']
    const report = nearside('train', '--events', events, '--out', folder, ...quick)
    if (report.items !== ITEMS) throw new Error(`the model knows ${report.items} items, not ${ITEMS}`)
    return readFileSync(join(folder, 'model.onnx'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The row. `glue` is the generated module, opened; `ort` is onnxruntime-web. */
export async function encode({ glue, ort, peer }) {
  const bytes = model()
  const ours = new glue.NearsideNetwork(bytes)
  const theirs = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] })
  let n = 0
  // Another session in every round, so that nothing computed before can stand for it.
  const items = () => Array.from({ length: LENGTH }, (_, step) => 1 + ((n * 7919 + step * 104_729) % ITEMS))
  const works = {
    ours: () => ours.run({
      'session.item': { shape: [1, LENGTH], data: Int32Array.from(items()) },
      'ad.item': { shape: [1], data: Int32Array.of(7) },
    }),
    theirs: async () => {
      const { score } = await theirs.run({
        'session.item': new ort.Tensor('int64', BigInt64Array.from(items(), BigInt), [1, LENGTH]),
        'ad.item': new ort.Tensor('int64', BigInt64Array.of(7n), [1]),
      })
      return score.data
    },
  }
  const apart = Math.abs(works.ours()[0] - (await works.theirs())[0])
  if (!(apart <= TOLERANCE)) throw new Error(`the engines differ by ${apart}`)
  const times = await alternate(works, { rounds: ROUNDS, warmup: 20, between: () => (n += 1) })
  ours.free()
  await theirs.release()
  return row('encode_session', times.ours, peer, times.theirs)
}
