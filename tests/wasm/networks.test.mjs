// Every network that `nearside train` writes, in the engines that shops and data scientists run it in: the compact and
// the full wasm build, and onnxruntime-web.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { golden, onnxruntime, wasm } from './engines.mjs'
import { nearside } from './native.mjs'

const NETWORKS = ['hybrid', 'gru', 'lstm', 'attention']

/** How far a score may be off: sums of f32 in another order, times a temperature of about 12. */
const TOLERANCE = 1e-4

/** Steps that a model reads, and items of the log. */
const LENGTH = 20
const ITEMS = 40

const FRESH = 20

const folder = mkdtempSync(join(tmpdir(), 'nearside-networks-'))
after(() => rmSync(folder, { recursive: true }))

/** The same numbers everywhere, below a limit. */
let state = 1
const below = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * limit)
}

/** Sessions that go round a ring of items, with carts and pauses. */
function log(sessions) {
  const rows = ['session\ttime\titem\tevent']
  for (let session = 0; session < sessions; session += 1) {
    let time = 1_700_000_000 + 7200 * session
    for (let step = 0, first = below(ITEMS), steps = 2 + below(5); step < steps; step += 1) {
      const event = below(4) === 0 ? 'add_to_cart' : 'view_item'
      rows.push(`${session}\t${time}\tp${(first + step) % ITEMS}\t${event}`)
      time += 1 + below(300)
    }
  }
  return `${rows.join('\n')}\n`
}

const events = join(folder, 'events.tsv')
writeFileSync(events, log(300))

function trained(network) {
  const out = join(folder, network)
  const small = ['--width', '16', '--epochs', '2', '--min-count', '1', '--teachers', '0', '--step-inputs', 'kind,pause']
  const report = nearside('train', '--events', events, '--out', out, '--network', network, ...small)
  assert.equal(report.items, ITEMS)
  return readFileSync(join(out, 'model.onnx'))
}

/** Steps drawn at random, and every item as an ad; id 0 is an unknown one. */
function drawn() {
  const steps = 1 + below(LENGTH)
  const padded = (values) => [...Array(LENGTH - steps).fill(0), ...values]
  const list = (value) => Array.from({ length: steps }, value)
  let seconds = below(60)
  const ages = list(() => Math.log1p((seconds += below(500)))).toReversed()
  return {
    'session.item': { shape: [1, LENGTH], data: padded(list(() => 1 + below(ITEMS))) },
    'session.kind': { shape: [1, LENGTH], data: padded(list(() => 1 + below(8))) },
    'session.age_s': { shape: [1, LENGTH], data: padded(ages) },
    'ad.item': { shape: [ITEMS + 1], data: Array.from({ length: ITEMS + 1 }, (_, id) => id) },
  }
}

function agrees(got, expected, about) {
  assert.equal(got.length, expected.length, about)
  got.forEach((score, ad) => {
    const off = Math.abs(score - expected[ad])
    assert.ok(off <= TOLERANCE, `${about}: ad ${ad} has ${score}, not ${expected[ad]}`)
  })
}

for (const name of NETWORKS) {
  const model = trained(name)
  const engines = {
    'the compact wasm build': await wasm('compact', model),
    'the full wasm build': await wasm('full', model),
    'onnxruntime-web': await onnxruntime(model),
  }

  for (const [engine, run] of Object.entries(engines)) {
    test(`${name}: ${engine} gives the trainer's scores`, async () => {
      const cases = golden(model)
      assert.ok(cases.length > 0)
      for (const { inputs, score } of cases) agrees(await run(inputs), score, 'golden case')
    })
  }

  test(`${name}: the engines agree on sessions that the file does not hold`, async () => {
    for (let session = 0; session < FRESH; session += 1) {
      const inputs = drawn()
      const expected = await engines['onnxruntime-web'](inputs)
      for (const [engine, run] of Object.entries(engines)) agrees(await run(inputs), expected, `${engine}, session ${session}`)
    }
  })
}
