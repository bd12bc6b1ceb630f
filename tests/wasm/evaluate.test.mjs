// One evaluation, two builds of one core: `nearside evaluate` here, the compact wasm build in Node.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { ask, figures, read } from './evaluate.mjs'
import { nearside, root } from './native.mjs'

const compact = new URL('../../pkg/dist/wasm/compact/', import.meta.url)
const model = join(root, 'www/public/model.onnx')

const folder = mkdtempSync(join(tmpdir(), 'nearside-evaluate-'))
after(() => rmSync(folder, { recursive: true }))
const path = (name) => join(folder, name)

/** Sessions that stay mostly within one of 12 categories of 5 items, by a generator that is the same everywhere. */
function log(sessions, seed) {
  let state = seed
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const rows = ['session\ttime\titem\tcategory']
  for (let session = 0; session < sessions; session += 1) {
    let category = below(12)
    for (let step = 0, steps = 2 + below(6); step < steps; step += 1) {
      if (below(5) === 0) category = below(12)
      rows.push(`${seed}-${session}\t${1_700_000_000 + 3600 * session + 30 * step}\tp${5 * category + below(5)}\tc${category}`)
    }
  }
  return `${rows.join('\n')}\n`
}

writeFileSync(path('train.tsv'), log(300, 1))
writeFileSync(path('test.tsv'), log(60, 2))
const logs = ['--train', path('train.tsv'), '--test', path('test.tsv'), '--model', model]
const report = nearside('evaluate', ...logs, '--questions', path('questions.jsonl'), '--catalogue-out', path('catalogue.json'))
const sessions = read(path('questions.jsonl'))
const native = report.rankers['model.onnx']

const { NearsideEngine, initSync } = await import(new URL('nearside_compact.js', compact))
initSync({ module: readFileSync(new URL('nearside_compact_bg.wasm', compact)) })
const files = { catalogue: readFileSync(path('catalogue.json')), model: readFileSync(model), sessions }
const wasm = ask(NearsideEngine, files)

test('the model finds the pattern, and not by chance', () => {
  assert.ok(native.recall_10.low > report.rankers.popularity.recall_10.high, JSON.stringify(native))
})

test('the places that were written are those behind the figures', () => {
  const written = figures(sessions.map(({ places }) => places['model.onnx']))
  assert.equal(written.pairs, native.pairs)
  for (const name of ['recall_10', 'recall_20', 'mrr_10', 'mrr_20']) {
    assert.ok(Math.abs(written[name] - native[name].value) < 1e-9, name)
  }
})

// Scores are summed in lanes of different widths, so that two as good as equal may change places.
const APART_PERCENT = 1

test('the wasm build gives the next item the place it has natively', () => {
  const pairs = sessions.flatMap(({ places }, session) =>
    places['model.onnx'].map((place, question) => [place, wasm[session][question]]),
  )
  const apart = pairs.filter(([ours, theirs]) => ours !== theirs)
  const limit = (APART_PERCENT / 100) * pairs.length
  assert.ok(apart.length <= limit, `${apart.length} of ${pairs.length} differ: ${JSON.stringify(apart)}`)
})

test('the figures of both builds are the same', () => {
  const theirs = figures(wasm)
  for (const name of ['recall_10', 'recall_20', 'mrr_10', 'mrr_20']) {
    const difference = Math.abs(theirs[name] - native[name].value)
    assert.ok(difference <= APART_PERCENT, `${name}: ${theirs[name]} and ${native[name].value}`)
  }
})
