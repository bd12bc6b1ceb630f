// The full build: fetched when a model needs it, and with everything the compact one knew.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { fullOnly, vector } from './models.mjs'
import { catalogue, start, viewed } from './shop.mjs'

let server
let asked = []
let broken = false

before(async () => {
  const wasm = await readFile(new URL(import.meta.resolve('nearside/wasm/full')))
  server = createServer((request, response) => {
    asked.push(request.url)
    response.writeHead(broken ? 503 : 200, { 'content-type': 'application/wasm' }).end(broken ? '' : wasm)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(() => server.close())

const served = () => ({ wasm: { full: `http://127.0.0.1:${server.address().port}/full.wasm` } })

test('a model that the compact build runs does not fetch the full one', async (t) => {
  const engine = await start(t, { catalogue, ...served() })
  const report = await engine.loadModel(await vector('content'))
  assert.equal(report.engine, 'compact')
  assert.deepEqual((await engine.rank({ placement: 'home' })).scorer, { name: 'compact', model: report.model })
  assert.deepEqual(asked, [])
})

test('a damaged model does not fetch the full build', async (t) => {
  const engine = await start(t, { catalogue, ...served() })
  await assert.rejects(engine.loadModel(await vector('bad_truncated')), { code: 'model-damaged' })
  assert.deepEqual(asked, [])
})

test('where the full build cannot be fetched the model is refused and the old one goes on', async (t) => {
  const engine = await start(t, { catalogue, ...served() })
  const { model } = await engine.loadModel(await vector('pair_logit'))
  broken = true
  t.after(() => {
    broken = false
    asked = []
  })
  await assert.rejects(engine.loadModel(await fullOnly()), { code: 'wasm-unavailable', field: 'wasm.full' })
  assert.equal((await engine.rank({ placement: 'home' })).scorer.model, model)
})

test('a model that no build runs is refused and the old one goes on', async (t) => {
  const engine = await start(t, { catalogue, ...served() })
  const { model } = await engine.loadModel(await vector('pair_logit'))
  await assert.rejects(engine.loadModel(await vector('bad_operator_name')), { code: 'unsupported-operator' })
  assert.deepEqual((await engine.rank({ placement: 'home' })).scorer, { name: 'compact', model })
})

test('a model that needs the full build moves the engine there with all it knew', async (t) => {
  const engine = await start(t, { catalogue, ...served() })
  for (const id of ['tv-1', 'radio-1', 'radio-2']) await engine.observe(viewed(id))
  await engine.tell({ basic: { region: 'north' }, preferences: [{ brand: 'Acme', weight: 0.5 }] })
  const { decision, slate } = await engine.rank({ placement: 'home' })
  const before = await engine.snapshot()

  const report = await engine.loadModel(await fullOnly())
  assert.equal(report.engine, 'full')
  assert.deepEqual(await engine.snapshot(), before)
  assert.deepEqual((await engine.rank({ placement: 'home' })).scorer, { name: 'full', model: report.model })
  assert.equal((await engine.feedback({ decision, ad: slate[0].ad, kind: 'click' })).counted, true)
})

test('without its model the engine ranks by the formula, in the build it is in', async (t) => {
  const engine = await start(t, { catalogue, model: await fullOnly(), ...served() })
  await engine.unloadModel()
  assert.deepEqual((await engine.rank({ placement: 'home' })).scorer, { name: 'cosine', model: null })
  assert.equal((await engine.loadModel(await vector('content'))).engine, 'full')
})
