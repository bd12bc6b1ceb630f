// Where files come from: bytes, addresses, responses; and what is said when they do not come.
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createEngine } from 'nearside'
import { catalogue, start } from './shop.mjs'

const json = JSON.stringify(catalogue)
const bytes = new TextEncoder().encode(json)
let server
let site

before(async () => {
  const wasm = await readFile(new URL(import.meta.resolve('nearside/wasm/compact')))
  const files = {
    '/catalogue.json': ['application/json', json],
    '/page.html': ['text/html; charset=utf-8', '<!doctype html><title>A shop</title>'],
    '/page-as-wasm': ['application/octet-stream', '<!doctype html><title>A shop</title>'],
    '/rubbish.wasm': ['application/wasm', 'rubbish'],
    '/cut.bin': ['application/octet-stream', wasm.subarray(0, wasm.length / 2)],
    '/compact.bin': ['application/octet-stream', wasm],
  }
  server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? []
    response.writeHead(type ? 200 : 404, { 'content-type': type ?? 'text/plain' }).end(body)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  site = `http://127.0.0.1:${server.address().port}`
})
after(() => server.close())

// These come first: a thread that has a build does not open it again.
for (const [name, path, message] of [
  ['missing', '/gone.wasm', /404/],
  ['a page of HTML', '/page-as-wasm', /HTML/],
  ['rubbish', '/rubbish.wasm', /cannot compile/],
  ['cut short', '/cut.bin', /cannot compile/],
]) {
  test(`a wasm file that is ${name} is named with its address`, async () => {
    await assert.rejects(createEngine({ wasm: { compact: site + path } }), {
      name: 'EngineError',
      code: 'wasm-unavailable',
      field: 'wasm.compact',
      value: site + path,
      message,
    })
  })
}

test('a wasm file on a host that does not answer is named with its address', async () => {
  const address = 'http://127.0.0.1:1/compact.wasm'
  await assert.rejects(createEngine({ wasm: { compact: address } }), {
    code: 'wasm-unavailable',
    value: address,
    message: /fetched/,
  })
})

test('a start that failed can be tried again, with a file of a type the host does not know', async (t) => {
  const engine = await start(t, { wasm: { compact: `${site}/compact.bin` } })
  assert.equal((await engine.loadCatalogue(catalogue)).version, 'spring')
})

for (const [name, source] of [
  ['an object', () => catalogue],
  ['bytes', () => bytes.slice()],
  ['bytes within a longer buffer', () => new Uint8Array([0, ...bytes, 0]).subarray(1, -1)],
  ['a buffer', () => bytes.slice().buffer],
  ["Node's Buffer", () => Buffer.from(json)],
  ['an address', () => `${site}/catalogue.json`],
  ['a URL', () => new URL(`${site}/catalogue.json`)],
  ['a Response', () => fetch(`${site}/catalogue.json`)],
]) {
  test(`a catalogue comes as ${name}`, async (t) => {
    const engine = await start(t)
    assert.equal((await engine.loadCatalogue(await source())).version, 'spring')
  })
}

test('a catalogue comes from disk in Node', async (t) => {
  const path = join(tmpdir(), `nearside-${process.pid}.json`)
  await writeFile(path, json)
  t.after(() => rm(path))
  const engine = await start(t, { catalogue: pathToFileURL(path) })
  assert.equal((await engine.stats()).catalogue.version, 'spring')
})

test("the caller's bytes stay theirs, and may change once the call is made", async (t) => {
  const engine = await start(t)
  const mine = bytes.slice()
  const loaded = engine.loadCatalogue(mine)
  mine.fill(0)
  assert.equal((await loaded).version, 'spring')
  assert.equal(mine.length, bytes.length)
})

for (const [name, source, value] of [
  ['an address that is missing', () => `${site}/gone.json`, () => `${site}/gone.json`],
  ['an address that gives a page of HTML', () => `${site}/page.html`, () => `${site}/page.html`],
  ['a Response that is missing', () => fetch(`${site}/gone.json`), () => `${site}/gone.json`],
  ['a host that does not answer', () => 'http://127.0.0.1:1/c.json', () => 'http://127.0.0.1:1/c.json'],
  ['an address without a base', () => '/catalogue.json', () => '/catalogue.json'],
]) {
  test(`a catalogue from ${name} is refused with the address`, async (t) => {
    const engine = await start(t)
    await assert.rejects(engine.loadCatalogue(await source()), {
      name: 'EngineError',
      code: 'load-failed',
      field: 'catalogue',
      value: value(),
    })
  })
}

test('a Response that was read before is refused', async (t) => {
  const engine = await start(t)
  const response = await fetch(`${site}/catalogue.json`)
  await response.text()
  await assert.rejects(engine.loadCatalogue(response), { code: 'load-failed', field: 'catalogue' })
})
