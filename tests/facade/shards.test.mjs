// Catalogues in shards and deltas, as `nearside catalogue` writes them.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { nearside } from '../wasm/native.mjs'
import { catalogue, start, viewed } from './shop.mjs'

const next = {
  ...catalogue,
  version: 'summer',
  products: [
    ...catalogue.products.slice(1).map((p) => (p.id === 'tv-2' ? { ...p, price: '500 USD' } : p)),
    { id: 'tv-4', title: 'New television', price: '300 USD', brand: 'Acme', product_type: 'Video > Televisions' },
  ],
}
let folder
let server
let site
let delta
const missing = new Set()

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nearside-'))
  const [spring, summer] = [join(folder, 'spring.json'), join(folder, 'summer.json')]
  await writeFile(spring, JSON.stringify(catalogue))
  await writeFile(summer, JSON.stringify(next))
  nearside('catalogue', 'build', spring, '--shard', '3', '-o', folder)
  nearside('catalogue', 'delta', join(folder, 'catalogue.json'), summer, '-o', join(folder, 'delta.bin'))
  delta = await readFile(join(folder, 'delta.bin'))
  server = createServer(async (request, response) => {
    const file = missing.has(request.url) ? undefined : await readFile(join(folder, request.url)).catch(() => {})
    response.writeHead(file ? 200 : 404, { 'content-type': 'application/octet-stream' }).end(file)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  site = `http://127.0.0.1:${server.address().port}`
})
after(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

const ranked = async (engine) => (await engine.rank({ placement: 'home', seed: 1 })).slate.map(({ ad }) => ad)

test('a manifest brings its shards, and ranks as the JSON it was made of', async (t) => {
  const engine = await start(t, { catalogue: `${site}/catalogue.json` })
  const json = await start(t, { catalogue })
  for (const one of [engine, json]) await one.observe(viewed('tv-1', { id: 'e' }))
  const { catalogue: report } = await engine.stats()
  assert.deepEqual([report.version, report.products], ['spring', 7])
  assert.deepEqual(await ranked(engine), await ranked(json))
})

test('of a manifest no more shards are loaded than the page wants', async (t) => {
  const engine = await start(t, { catalogue: new URL(`${site}/catalogue.json`), maxAds: 4 })
  assert.equal((await engine.stats()).catalogue.products, 6)
})

test('a shard that is missing or another one is refused, and the old catalogue stays', async (t) => {
  const engine = await start(t, { catalogue })
  const { shards } = JSON.parse(await readFile(join(folder, 'catalogue.json'), 'utf8'))
  missing.add(`/${shards[1].file}`)
  t.after(() => missing.clear())
  await assert.rejects(engine.loadCatalogue(`${site}/catalogue.json`), {
    name: 'EngineError',
    code: 'load-failed',
    field: 'shard',
    value: `${site}/${shards[1].file}`,
  })
  const mixed = { ...JSON.parse(await readFile(join(folder, 'catalogue.json'), 'utf8')) }
  mixed.shards = [shards[0], { ...shards[1], file: shards[2].file }]
  await writeFile(join(folder, 'mixed.json'), JSON.stringify(mixed))
  await assert.rejects(engine.loadCatalogue(`${site}/mixed.json`), { code: 'shard-mismatch', value: shards[2].file })
  const bytes = await readFile(join(folder, 'catalogue.json'))
  await assert.rejects(engine.loadCatalogue(bytes), { code: 'invalid-field', field: 'catalogue' })
  await writeFile(join(folder, 'empty.json'), '{"manifest":1}')
  await assert.rejects(engine.loadCatalogue(`${site}/empty.json`), { code: 'invalid-field', field: 'shards' })
  assert.equal((await engine.stats()).catalogue.products, 7)
  assert.equal((await ranked(engine)).length, 4)
})

test('a delta makes the catalogue the next version, once', async (t) => {
  const engine = await start(t, { catalogue: `${site}/catalogue.json` })
  await engine.observe(viewed('tv-2', { id: 'e' }))
  const report = await engine.applyDelta(delta)
  assert.deepEqual(
    [report.version, report.changed, report.added, report.gone, report.skipped],
    ['summer', 1, 1, 1, 0],
  )
  const anew = await start(t, { catalogue: next })
  await anew.restore(await engine.snapshot())
  assert.deepEqual(await ranked(engine), await ranked(anew))
  await assert.rejects(engine.applyDelta(delta), { code: 'delta-mismatch', value: 'summer' })
  assert.equal((await engine.stats()).catalogue.version, 'summer')
})

test('a damaged delta is refused and changes nothing', async (t) => {
  const engine = await start(t, { catalogue: `${site}/catalogue.json` })
  const damaged = delta.slice()
  damaged[200] ^= 1
  await assert.rejects(engine.applyDelta(damaged), { code: 'catalogue-damaged' })
  assert.equal((await engine.stats()).catalogue.version, 'spring')
})

test('a request says how many products are scored, and the engine where it does not', async (t) => {
  const engine = await start(t, { catalogue, retrieve: 2 })
  const [few, all] = [await engine.rank({ placement: 'home' }), await engine.rank({ placement: 'home', retrieve: 'all' })]
  assert.deepEqual([few.retrieval.by, all.retrieval], ['content', { by: 'all', ads: 8, other_anchors: false }])
  await assert.rejects(engine.rank({ placement: 'home', retrieve: 0 }), { code: 'invalid-field', field: 'retrieve' })
})
