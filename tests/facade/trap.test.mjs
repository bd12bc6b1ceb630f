// A trap: the wasm breaks down in the middle of a call. Its memory is filled with
// rubbish here, so the break-down is a real one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from 'nearside'
import { Host } from '../../pkg/dist/host.js'
import { initSync } from '../../pkg/dist/wasm/compact/nearside_compact.js'
import { openBuild } from '../../pkg/dist/wasm.js'
import { vector } from './models.mjs'
import { catalogue, MORNING, start, viewed } from './shop.mjs'

function poison() {
  new Uint8Array(initSync().memory.buffer).fill(0xff)
}

/** Poisons the wasm, and asserts that the call breaks down on it. */
async function breakDown(call) {
  poison()
  await assert.rejects(call(), (error) => EngineError.is(error, 'internal') && error.remedy !== undefined)
}

const CALLS = {
  observe: (engine) => engine.observe(viewed('tv-1')),
  rank: (engine) => engine.rank({ placement: 'home' }),
  feedback: (engine) => engine.feedback({ decision: 'feed', ad: 'tv-1', kind: 'click' }),
  tell: (engine) => engine.tell({ basic: { region: 'north' } }),
  loadCatalogue: (engine) => engine.loadCatalogue(catalogue),
  loadModel: async (engine) => engine.loadModel(await vector('content')),
  snapshot: (engine) => engine.snapshot(),
  restore: (engine, snapshot) => engine.restore(snapshot),
  forget: (engine) => engine.forget(),
  stats: (engine) => engine.stats(),
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`after a trap in ${name} the next call works and knows what was answered before`, async (t) => {
    const engine = await start(t, { catalogue })
    await engine.observe(viewed('radio-1'))
    await engine.tell({ preferences: [{ brand: 'Acme', weight: 0.5 }] })
    const before = await engine.snapshot()
    await breakDown(() => call(engine, before))
    assert.deepEqual(await engine.snapshot(), before)
    assert.equal((await engine.rank({ placement: 'home' })).catalogue_version, 'spring')
  })
}

test('a trap loses none of a long session, its decisions included', async (t) => {
  let now = MORNING
  const engine = await start(t, { catalogue, now: () => (now += 1500) })
  const ids = catalogue.products.map(({ id }) => id)
  let last
  // Enough for several checkpoints and a journal behind the last.
  for (let i = 0; i < 1000; i++) {
    await engine.observe(viewed(ids[i % ids.length]))
    if (i % 10 === 9) last = await engine.rank({ placement: 'home' })
  }
  const before = await engine.snapshot()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), before)
  assert.equal((await engine.feedback({ decision: last.decision, ad: last.slate[0].ad, kind: 'click' })).counted, true)
})

test('the model is in force again after a trap, and so are the slates it gave', async (t) => {
  const engine = await start(t, { catalogue, model: await vector('content') })
  await engine.observe(viewed('radio-1'))
  const { decision, slate, scorer } = await engine.rank({ placement: 'home', seed: 3 })
  const before = await engine.snapshot()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), before)
  assert.equal((await engine.feedback({ decision, ad: slate[3].ad, kind: 'click' })).counted, true)
  assert.deepEqual((await engine.rank({ placement: 'home' })).scorer, scorer)
})

test('decisions taken before the model came are the same after a trap', async (t) => {
  const engine = await start(t, { catalogue })
  const slate = async () => (await engine.rank({ placement: 'home' })).slate.map(({ ad }) => ad)
  await engine.observe(viewed('radio-1'))
  const byFormula = await slate()
  // A model with weights drawn at random, so that its slate is another.
  await engine.loadModel(await vector('scores_n1'))
  const withModel = await engine.snapshot()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), withModel)
  assert.notDeepEqual(await slate(), byFormula)
  await engine.unloadModel()
  const without = await engine.snapshot()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), without)
})

test('what was learned under an earlier catalogue is the same after a trap', async (t) => {
  const engine = await start(t, { catalogue })
  await engine.observe(viewed('radio-1'))
  const moved = { ...catalogue.products[3], brand: 'Other', product_type: 'Attic' }
  await engine.loadCatalogue({ ...catalogue, products: [moved], campaigns: [] })
  const before = await engine.snapshot()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), before)
})

test('a trap takes the other engines of the thread along, and they come back too', async (t) => {
  const [one, other] = [await start(t, { catalogue }), await start(t, { catalogue })]
  await other.observe(viewed('lamp-1'))
  const before = await other.snapshot()
  await breakDown(() => one.stats())
  assert.deepEqual(await other.snapshot(), before)
  assert.equal((await one.stats()).events.accepted, 0)
})

test('what was forgotten stays forgotten after a trap', async (t) => {
  const engine = await start(t, { catalogue })
  const blank = await engine.snapshot()
  await engine.observe(viewed('tv-1'))
  await engine.forget()
  await breakDown(() => engine.stats())
  assert.deepEqual(await engine.snapshot(), blank)
})

test('an engine survives one trap after the other', async (t) => {
  const engine = await start(t, { catalogue })
  for (let round = 1; round <= 5; round++) {
    await engine.observe(viewed('tv-1', { ts: MORNING - round * 60_000 }))
    await breakDown(() => engine.stats())
    assert.equal((await engine.stats()).events.accepted, round)
  }
})

/** A host whose engines are real, but pass through `wrap`. */
async function hosted(wrap) {
  const open = async (name) => {
    const source = await import('node:fs/promises').then((fs) =>
      fs.readFile(new URL(import.meta.resolve(`nearside/wasm/${name}`))),
    )
    const build = await openBuild(name, source)
    return Object.create(build, { create: { value: () => wrap(build.create()) } })
  }
  const host = await Host.start(open)
  await host.call('loadCatalogue', [new TextEncoder().encode(JSON.stringify(catalogue)), MORNING])
  return host
}

/** The raw engine, with some of its methods replaced. */
const replaced = (raw, methods) =>
  new Proxy(raw, {
    get(_, name) {
      const method = methods[name] ?? raw[name]
      return method.bind(raw)
    },
  })

test('a model that breaks the engine twice in a row is put out of force', async () => {
  let model = false
  const host = await hosted((raw) =>
    replaced(raw, {
      load_model(...args) {
        model = true
        return raw.load_model(...args)
      },
      rank(...args) {
        if (model) throw new WebAssembly.RuntimeError('unreachable')
        return raw.rank(...args)
      },
      unload_model() {},
    }),
  )
  await host.call('loadModel', [new Uint8Array(await vector('content')), MORNING])
  const rank = () => host.call('rank', [{ placement: 'home' }, MORNING])
  await assert.rejects(rank(), { code: 'internal' })
  await assert.rejects(rank(), { code: 'internal', message: /model/ })
  model = false
  assert.equal((await rank()).scorer.name, 'cosine')
})

test('personal data that the engine dropped is not kept for after a trap', async () => {
  const seen = []
  const host = await hosted((raw) =>
    replaced(raw, {
      observe(event, now) {
        seen.push(JSON.stringify(event))
        return raw.observe(event, now)
      },
    }),
  )
  await host.call('observe', [{ ...viewed('tv-1'), email: 'ada@example.org' }, MORNING])
  await host.call('observe', [{ event: 'sign_up', email: 'ada@example.org' }, MORNING])
  await host.call('observe', [viewed('tv-2'), MORNING])
  assert.equal(seen.length, 3)
  poison()
  await assert.rejects(host.call('stats', [MORNING]), { code: 'internal' })
  assert.equal((await host.call('stats', [MORNING])).events.accepted, 2)
  assert.deepEqual(seen.slice(3), ['{"event":"sign_up"}', JSON.stringify(viewed('tv-2'))])
})
