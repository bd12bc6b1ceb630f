// Order of answers, the start and the end of an engine.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from 'nearside'
import { catalogue, start, viewed } from './shop.mjs'

/** A catalogue that is a while in coming. */
const slow = () =>
  new Response(
    new ReadableStream({
      async start(stream) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        stream.enqueue(new TextEncoder().encode(JSON.stringify({ ...catalogue, version: 'slow' })))
        stream.close()
      },
    }),
  )

test('a call waits for the file of the call before it', async (t) => {
  const engine = await start(t)
  const loaded = engine.loadCatalogue(slow())
  const decision = await engine.rank({ placement: 'home' })
  assert.equal(decision.catalogue_version, 'slow')
  assert.equal((await loaded).version, 'slow')
})

test('calls are answered in the order they were made, the failing ones too', async (t) => {
  const engine = await start(t)
  const answered = []
  const note = (name) => () => answered.push(name)
  await Promise.all([
    engine.loadCatalogue(slow()).then(note('catalogue')),
    engine.loadModel('no address').catch(note('refused model')),
    engine.observe(viewed('tv-1')).then(note('event')),
    engine.rank({ placement: 'attic' }).catch(note('refused request')),
    engine.rank({ placement: 'home' }).then(note('slate')),
  ])
  assert.deepEqual(answered, ['catalogue', 'refused model', 'event', 'refused request', 'slate'])
})

test('after its end every call is refused as disposed', async () => {
  const engine = await createEngine({ catalogue })
  await engine.dispose()
  for (const call of [
    () => engine.observe(viewed('tv-1')),
    () => engine.rank({ placement: 'home' }),
    () => engine.feedback({ decision: 'feed', ad: 'tv-1', kind: 'click' }),
    () => engine.tell({}),
    () => engine.loadModel(new Uint8Array()),
    () => engine.unloadModel(),
    () => engine.loadCatalogue(catalogue),
    () => engine.snapshot(),
    () => engine.restore(new Uint8Array()),
    () => engine.forget(),
    () => engine.stats(),
  ]) {
    await assert.rejects(call(), { name: 'EngineError', code: 'disposed' }, String(call))
  }
})

test('what was called before the end is still answered', async () => {
  const engine = await createEngine()
  const loaded = engine.loadCatalogue(slow())
  const decision = engine.rank({ placement: 'home' })
  await engine.dispose()
  assert.equal((await loaded).version, 'slow')
  assert.equal((await decision).placement, 'home')
})

test('an engine may be ended twice', async () => {
  const engine = await createEngine()
  await Promise.all([engine.dispose(), engine.dispose()])
  await engine.dispose()
})

test('a start that was given up before it began rejects', async () => {
  const reason = new Error('left the page')
  await assert.rejects(createEngine({ signal: AbortSignal.abort(reason) }), { code: 'disposed', cause: reason })
})

test('a start that is given up on the way rejects at once', async () => {
  const giveUp = new AbortController()
  const never = new Response(new ReadableStream())
  const starting = createEngine({ catalogue: never, signal: giveUp.signal })
  setTimeout(() => giveUp.abort(), 20)
  await assert.rejects(starting, { name: 'EngineError', code: 'disposed' })
})

test('giving up after the start changes nothing', async (t) => {
  const giveUp = new AbortController()
  const engine = await start(t, { catalogue, signal: giveUp.signal })
  giveUp.abort()
  assert.equal((await engine.observe(viewed('tv-1'))).accepted, true)
})
