// The loop a shop runs: events in, slates out, feedback back, and what is remembered.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogue, MORNING, start, viewed } from './shop.mjs'

test('what the shopper looks at comes first in the next slate', async (t) => {
  const engine = await start(t, { catalogue })
  await engine.observe(viewed('lamp-1'))
  const { slate, basis } = await engine.rank({ placement: 'home', page: { type: 'home' } })
  assert.equal(basis, 'profile')
  assert.deepEqual(slate.slice(0, 2).map(({ item_id }) => item_id).sort(), ['lamp-1', 'lamp-2'])
  assert.deepEqual(slate.map(({ position }) => position), [0, 1, 2, 3])
})

test('a decision carries all that is needed to replay it', async (t) => {
  const engine = await start(t, { catalogue })
  const decision = await engine.rank({ placement: 'home', seed: 5 })
  assert.match(decision.decision, /^[0-9a-f]+$/)
  assert.equal(decision.at, MORNING)
  assert.equal(decision.seed, 5)
  assert.equal(decision.catalogue_version, 'spring')
  assert.deepEqual(decision.scorer, { name: 'cosine', model: null })
  assert.equal(decision.fallback, null)
  assert.equal(decision.candidates, 8)
  assert.ok(decision.slate.every(({ score, propensity }) => Number.isFinite(score) && propensity === 1))
})

test('a paid ad names its campaign', async (t) => {
  const engine = await start(t, { catalogue })
  const { slate } = await engine.rank({ placement: 'home', page: { type: 'product', item_id: 'radio-2' } })
  const paid = slate.find(({ sponsored }) => sponsored)
  assert.deepEqual([paid?.ad, paid?.campaign, paid?.item_id], ['brand-week/a', 'brand-week', 'radio-1'])
})

test('the same feedback counts once', async (t) => {
  const engine = await start(t, { catalogue })
  const { decision, slate } = await engine.rank({ placement: 'home' })
  const click = { decision, ad: slate[0].ad, kind: 'click' }
  assert.deepEqual(await engine.feedback(click), { counted: true, reason: null })
  assert.deepEqual(await engine.feedback(click), { counted: false, reason: 'repeat' })
  assert.equal((await engine.stats()).clicks, 1)
})

test('a dismissed product leaves the placement', async (t) => {
  const engine = await start(t, { catalogue })
  const first = await engine.rank({ placement: 'home' })
  const { ad, item_id } = first.slate[0]
  await engine.feedback({ decision: first.decision, ad, kind: 'dismiss' })
  const { slate, removed } = await engine.rank({ placement: 'home' })
  assert.ok(!slate.some((entry) => entry.item_id === item_id))
  assert.ok(removed.dismissed >= 1)
})

test('a stated preference ranks without any event', async (t) => {
  const engine = await start(t, { catalogue })
  assert.equal(await engine.tell({ preferences: [{ category: 'Audio > Radios', weight: 1 }] }), undefined)
  const { slate } = await engine.rank({ placement: 'home' })
  assert.deepEqual(slate.slice(0, 2).map(({ item_id }) => item_id).sort(), ['radio-1', 'radio-2'])
})

test("an event in a data layer's shape counts, with its functions and page elements left behind", async (t) => {
  const engine = await start(t, { catalogue })
  const element = { nodeType: 1 }
  element.parent = element
  const observed = await engine.observe({
    event: 'add_to_cart',
    ecommerce: { currency: 'USD', items: [{ item_id: 'tv-1', price: '199.00', quantity: 1 }] },
    eventCallback() {},
    'gtm.element': element,
  })
  assert.equal(observed.accepted, true)
  assert.ok(observed.flags.includes('price-parsed'))
})

test('an event that changes after the call counts as it was', async (t) => {
  const engine = await start(t, { catalogue })
  const event = viewed('tv-1')
  const observed = engine.observe(event)
  event.event = 'nonsense'
  assert.equal((await observed).accepted, true)
})

test('an event that does not count is an answer with a reason', async (t) => {
  const engine = await start(t, { catalogue })
  const observed = await engine.observe({ event: 'view_item' })
  assert.deepEqual(
    [observed.accepted, observed.reason, observed.field, typeof observed.remedy],
    [false, 'missing-item', 'items', 'string'],
  )
  assert.deepEqual((await engine.stats()).events.ignored, { 'missing-item': 1 })
})

test('a snapshot restored in another engine ranks the same', async (t) => {
  const first = await start(t, { catalogue })
  for (const id of ['tv-1', 'tv-3', 'radio-2']) await first.observe(viewed(id))
  await first.tell({ basic: { age_band: '25-34' }, preferences: [{ brand: 'Acme', weight: -0.5 }] })
  const second = await start(t, { catalogue })
  await second.restore(await first.snapshot())
  const request = { placement: 'home', seed: 1 }
  const [a, b] = [await first.rank(request), await second.rank(request)]
  assert.deepEqual({ ...b, elapsed_us: 0 }, { ...a, elapsed_us: 0 })
  assert.deepEqual(await second.snapshot(), await first.snapshot())
})

test('forgetting leaves nothing of the shopper, and keeps the catalogue', async (t) => {
  const engine = await start(t, { catalogue })
  const blank = await engine.snapshot()
  await engine.observe(viewed('tv-1'))
  await engine.rank({ placement: 'home' })
  await engine.forget()
  assert.deepEqual(await engine.snapshot(), blank)
  assert.equal((await engine.rank({ placement: 'home' })).basis, 'contextual')
})

test('stats describe the profile, the catalogue and the scorer', async (t) => {
  const engine = await start(t, { catalogue })
  await engine.observe(viewed('tv-1'))
  const { events, profile, catalogue: report, scorer, snapshot_bytes } = await engine.stats()
  assert.equal(events.accepted, 1)
  assert.equal(profile.categories[0].name, 'Video > Televisions')
  assert.equal(profile.stage, 'browsing')
  assert.equal(profile.session_start, MORNING)
  assert.deepEqual([report.version, report.products, report.ads], ['spring', 7, 8])
  assert.equal(scorer.name, 'cosine')
  assert.equal(snapshot_bytes, (await engine.snapshot()).length)
})

test('a seed of the engine makes its rankings repeatable, each with its own', async (t) => {
  const run = async () => {
    const engine = await start(t, { catalogue, seed: 40 })
    return [await engine.rank({ placement: 'home' }), await engine.rank({ placement: 'home' })]
  }
  const [first, again] = [await run(), await run()]
  assert.deepEqual(first.map(({ seed }) => seed), [40, 41])
  assert.deepEqual(first.map(({ decision }) => decision), again.map(({ decision }) => decision))
})

test('the clock is the one handed in', async (t) => {
  let now = MORNING
  const engine = await start(t, { catalogue, now: () => now })
  await engine.observe(viewed('tv-1'))
  now += 31 * 60 * 1000
  await engine.observe(viewed('tv-2'))
  const { profile } = await engine.stats()
  assert.deepEqual([profile.session_events, profile.session_start], [1, now])
})

test('two engines on one thread know nothing of each other', async (t) => {
  const [busy, idle] = [await start(t, { catalogue }), await start(t, { catalogue })]
  await busy.observe(viewed('tv-1'))
  assert.equal((await idle.stats()).events.accepted, 0)
})
