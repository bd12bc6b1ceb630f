// One log, two builds of one core: `nearside replay` here, the compact wasm build in Node.
//
// The log is read and cut into sessions here once more, so that the command's
// reading is tested too. Every slate has to be the same.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { nearside, root } from './native.mjs'

const SESSIONS = 200

/**
 * How far a model's scores may be apart: native and wasm sum in lanes of
 * different widths. The cosine scorer adds in one order everywhere and has no tolerance.
 */
const TOLERANCE = 1e-5

const GA4 = { view: 'view_item', addtocart: 'add_to_cart', transaction: 'purchase' }

const compact = new URL('../../pkg/dist/wasm/compact/', import.meta.url)
const model = join(root, 'www/public/model.onnx')

const folder = mkdtempSync(join(tmpdir(), 'nearside-replay-'))
after(() => rmSync(folder, { recursive: true }))
const path = (name) => join(folder, name)

/** RetailRocket's first sessions where the data sets are, else the few made-up ones of the command's own tests. */
function log() {
  const data = process.env.NEARSIDE_DATA ?? join(root, '../shared/data')
  const file = join(data, 'retailrocket_events/events.tsv.gz')
  if (!existsSync(file)) {
    console.error(`skipped: there is no ${file}; a made-up log stands in`)
    return readFileSync(join(root, 'src/cli/tests/data/retailrocket.tsv'), 'utf8')
  }
  const [header, ...rows] = gunzipSync(readFileSync(file)).toString().trim().split('\n')
  const sessions = new Set()
  const part = rows.filter((row) => {
    const session = row.slice(0, row.indexOf('\t'))
    if (sessions.size < SESSIONS) sessions.add(session)
    return sessions.has(session)
  })
  return [header, ...part, ''].join('\n')
}

/** `[session, events]`, in the order of first events; the events in time order. */
function sessions(text) {
  const [header, ...rows] = text.trim().split('\n').map((line) => line.split('\t'))
  const events = rows.map((row) => {
    const { session, unix_seconds, event, item, category } = Object.fromEntries(header.map((name, i) => [name, row[i]]))
    const items = [{ item_id: item, item_category: category }]
    return { session, event: { event: GA4[event], ts: 1000 * Number(unix_seconds), items } }
  })
  events.sort((a, b) => a.event.ts - b.event.ts)
  const sessions = new Map()
  for (const row of events) {
    if (!sessions.has(row.session)) sessions.set(row.session, [])
    sessions.get(row.session).push(row)
  }
  return sessions
}

const text = log()
writeFileSync(path('log.tsv'), text)
const written = ['--slates', path('slates.jsonl'), '--catalogue-out', path('catalogue.json')]
const report = nearside('replay', '--events', path('log.tsv'), '--model', model, ...written)
const native = readFileSync(path('slates.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line))

const { NearsideEngine, initSync } = await import(new URL('nearside_compact.js', compact))
initSync({ module: readFileSync(new URL('nearside_compact_bg.wasm', compact)) })

/** The same log through the wasm build: what `--slates` writes. */
function slates(ranker) {
  const engine = new NearsideEngine()
  const start = Date.UTC(2015, 8, 1)
  engine.load_catalogue(readFileSync(path('catalogue.json')), start)
  if (ranker !== 'cosine') engine.load_model(readFileSync(model), start)
  const lines = []
  for (const [session, events] of sessions(text)) {
    engine.forget()
    events.forEach(({ event }, index) => {
      const { accepted } = engine.observe(event, event.ts)
      assert.ok(accepted)
      if (index + 1 === events.length) return
      const page = { type: 'product', item_id: event.items[0].item_id }
      const { slate } = engine.rank({ placement: 'replay', page, seed: 0 }, event.ts)
      const [items, scores] = [slate.map(({ item_id }) => item_id), slate.map(({ score }) => score)]
      lines.push({ ranker, session, step: index + 1, at: event.ts, slate: items, scores })
    })
  }
  engine.free()
  return lines
}

const of = (ranker) => native.filter((line) => line.ranker === ranker)
const place = ({ session, step, at }) => ({ session, step, at })

test('the command reads the log as this test does', () => {
  const read = [...sessions(text).values()]
  assert.equal(report.sessions, read.length)
  assert.equal(report.events, read.flat().length)
  assert.equal(report.skipped_rows, 0)
  assert.equal(of('cosine').length, report.predictions)
})

test('the cosine scorer gives the same slates natively and in wasm', () => {
  const [ours, theirs] = [of('cosine'), slates('cosine')]
  assert.ok(ours.length > 0)
  assert.deepEqual(
    theirs.map(({ scores, ...line }) => line),
    ours.map(({ scores, ...line }) => line),
  )
})

test('a model gives the same slates, but for items whose scores are as good as equal', () => {
  const [ours, theirs] = [of('compact'), slates('compact')]
  assert.ok(ours.length > 0)
  assert.deepEqual(theirs.map(place), ours.map(place))
  const close = (a, b, where) => assert.ok(Math.abs(a - b) < TOLERANCE, `${a} and ${b} at ${JSON.stringify(where)}`)
  theirs.forEach((line, index) => {
    const { slate, scores } = ours[index]
    assert.equal(line.slate.length, slate.length)
    line.slate.forEach((item, position) => {
      const where = { ...place(line), position, item }
      close(line.scores[position], scores[position], where)
      if (item === slate[position]) return
      // An item that moved stands where its score natively is as good as here; one that is not there at
      // all was pushed off the end.
      const other = slate.indexOf(item)
      close(line.scores[position], other < 0 ? scores.at(-1) : scores[other], where)
    })
  })
})
