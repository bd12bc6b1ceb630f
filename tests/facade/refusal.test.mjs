// Bad input: a typed error that names field and remedy, and the engine keeps what it had.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createEngine, EngineError } from 'nearside'
import { catalogue, start, viewed } from './shop.mjs'

const text = (value) => new TextEncoder().encode(value)
const vector = (name) => readFile(new URL(`../vectors/${name}.onnx`, import.meta.url))

/** Asserts a rejection with an EngineError of this code that says what to do, and returns it. */
async function refused(promise, code) {
  const error = await promise.then(
    (answer) => assert.fail(`it was not refused, but answered ${JSON.stringify(answer)}`),
    (error) => error,
  )
  assert.ok(error instanceof EngineError, `${error} is no EngineError`)
  assert.equal(error.code, code)
  assert.ok(error.message.length > 0)
  assert.ok(error.remedy, 'it has no remedy')
  return error
}

for (const event of [null, undefined, 'view_item', 7, () => {}]) {
  test(`an event that is ${typeof event} ${event} is an invalid field`, async (t) => {
    const engine = await start(t)
    assert.equal((await refused(engine.observe(event), 'invalid-field')).field, 'event')
  })
}

test('a request without a catalogue is told to load one', async (t) => {
  await refused((await start(t)).rank({ placement: 'home' }), 'no-catalogue')
})

test('an unknown placement is named beside the known ones', async (t) => {
  const engine = await start(t, { catalogue })
  const error = await refused(engine.rank({ placement: 'attic' }), 'unknown-placement')
  assert.deepEqual([error.field, error.value], ['placement', 'attic'])
  assert.match(error.remedy, /home/)
})

for (const [field, request] of [
  ['request', null],
  ['placement', {}],
  ['placement', { placement: {} }],
  ['page.type', { placement: 'home', page: { type: 'attic' } }],
  ['limit', { placement: 'home', limit: -1 }],
  ['seed', { placement: 'home', seed: 'x' }],
]) {
  test(`the request ${JSON.stringify(request)} is refused for \`${field}\``, async (t) => {
    const engine = await start(t, { catalogue })
    assert.equal((await refused(engine.rank(request), 'invalid-field')).field, field)
  })
}

test('feedback about an unknown decision or ad is refused', async (t) => {
  const engine = await start(t, { catalogue })
  const { decision } = await engine.rank({ placement: 'home' })
  await refused(engine.feedback({ decision: 'feed', ad: 'tv-1', kind: 'click' }), 'unknown-decision')
  await refused(engine.feedback({ decision, ad: 'attic', kind: 'click' }), 'unknown-ad')
})

for (const [name, source, code] of [
  ['broken JSON', text('{"products": ['), 'invalid-json'],
  ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0), 'invalid-json'],
  ['nothing', new Uint8Array(), 'invalid-json'],
  ['a list', text('[]'), 'invalid-field'],
  ['no products', { ...catalogue, products: [] }, 'empty-catalogue'],
  ['an id twice', { ...catalogue, products: [...catalogue.products, catalogue.products[0]] }, 'duplicate-id'],
  ['another schema', { ...catalogue, schema: 99 }, 'invalid-field'],
  ['a number', 7, 'invalid-field'],
  ['null', null, 'invalid-field'],
]) {
  test(`a catalogue of ${name} is refused and the old one stays`, async (t) => {
    const engine = await start(t, { catalogue })
    await refused(engine.loadCatalogue(source), code)
    assert.equal((await engine.rank({ placement: 'home' })).catalogue_version, 'spring')
  })
}

test('a catalogue with a cycle is refused', async (t) => {
  const round = { ...catalogue }
  round.self = round
  await refused((await start(t)).loadCatalogue(round), 'invalid-json')
})

test('a bad product costs its row, which is reported', async (t) => {
  const engine = await start(t)
  const report = await engine.loadCatalogue({
    ...catalogue,
    products: [...catalogue.products, { id: 'no-title', price: '1 USD' }],
  })
  assert.equal(report.products, 7)
  assert.equal(report.problems_total, 1)
  assert.deepEqual(
    [report.problems[0].section, report.problems[0].id, report.problems[0].field],
    ['products', 'no-title', 'title'],
  )
})

test('a snapshot of a later version is refused and nothing is forgotten', async (t) => {
  const engine = await start(t, { catalogue })
  await engine.observe(viewed('tv-1'))
  const good = await engine.snapshot()
  const later = good.slice()
  later[4] = 99
  await refused(engine.restore(later), 'snapshot-version')
  assert.deepEqual(await engine.snapshot(), good)
})

for (const [name, damage] of [
  ['cut short', (bytes) => bytes.slice(0, -3)],
  ['empty', () => new Uint8Array()],
  ['altered', (bytes) => bytes.with(bytes.length - 1, bytes.at(-1) ^ 1)],
]) {
  test(`a snapshot that was ${name} is refused and nothing is forgotten`, async (t) => {
    const engine = await start(t, { catalogue })
    await engine.observe(viewed('tv-1'))
    const good = await engine.snapshot()
    await refused(engine.restore(damage(good)), 'snapshot-damaged')
    assert.deepEqual(await engine.snapshot(), good)
  })
}

test('a snapshot that is no bytes is refused', async (t) => {
  assert.equal((await refused((await start(t)).restore(7), 'invalid-field')).field, 'snapshot')
})

for (const [name, code] of [
  ['bad_truncated', 'model-damaged'],
  ['bad_random_bytes', 'model-damaged'],
  ['bad_cycle', 'model-damaged'],
  ['bad_weight_nan', 'model-damaged'],
  ['bad_weight_of_1_gib', 'model-too-large'],
  ['bad_input_unknown', 'unknown-input'],
  ['bad_input_type_id', 'input-type'],
  ['bad_output_missing', 'missing-output'],
  ['bad_golden_value', 'golden-mismatch'],
  ['bad_schema', 'schema-mismatch'],
]) {
  test(`the model ${name} is refused as ${code} and the old one goes on ranking`, async (t) => {
    const engine = await start(t, { catalogue })
    const { model } = await engine.loadModel(await vector('pair_logit'))
    await refused(engine.loadModel(await vector(name)), code)
    assert.equal((await engine.rank({ placement: 'home' })).scorer.model, model)
  })
}

test('a clock that gives no time is refused by name', async (t) => {
  const engine = await start(t, { now: () => NaN })
  assert.equal((await refused(engine.observe(viewed('tv-1')), 'invalid-field')).field, 'now')
})

test('a clock that throws rejects the call', async (t) => {
  const engine = await start(t, {
    now: () => {
      throw new Error('stopped')
    },
  })
  await assert.rejects(engine.observe(viewed('tv-1')), { name: 'EngineError', code: 'internal', message: /stopped/ })
})

test('a seed that is no whole number is refused at the start', async () => {
  assert.equal((await refused(createEngine({ seed: 0.5 }), 'invalid-field')).field, 'seed')
})

test('a catalogue that is refused at the start rejects the start', async () => {
  await refused(createEngine({ catalogue: text('{') }), 'invalid-json')
})
