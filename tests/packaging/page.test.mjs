// The installed package in a page: bundled, served in development, and bare.
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build as bundleWithEsbuild } from 'esbuild'
import { build, createServer } from 'vite'
import { createServer as createServerOfVite7 } from 'vite7'
import { fullOnly } from '../facade/models.mjs'
import { launch, visit } from './chromium.mjs'
import { install } from './installed.mjs'
import { openSite } from './site.mjs'

const POLICY = "default-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'"

/** The compact engine, of whose two builds a browser fetches the one it runs fastest. */
const COMPACT = /(compact|relaxed).*\.wasm$/

let installed
let browser
let bundle
/** Which of them this browser fetches from the bundle. */
let wasm

before(async () => {
  installed = await install()
  browser = await launch()
  const app = await installed.app('bundled', 'app')
  await build({ root: app, logLevel: 'error' })
  bundle = join(app, 'dist')
  const { asked } = await visitSite(bundle, { policy: POLICY })
  wasm = asked.find((path) => COMPACT.test(path))
})
after(async () => {
  await browser?.close()
  await installed?.remove()
})

/** Visits a site and closes it. */
async function visitSite(root, options, search = '') {
  const site = await openSite(root, options)
  try {
    return { ...(await visit(browser, `${site.url}/${search}`)), asked: site.asked }
  } finally {
    await site.close()
  }
}

/** What every way of loading has to come to. */
function assertRanked({ seen, printed }, runs) {
  assert.equal(seen.error, undefined)
  assert.equal(seen.runs, runs)
  assert.equal(seen.observed.accepted, true)
  assert.deepEqual(
    seen.decision.slate.map(({ item_id }) => item_id),
    ['radio', 'tv'],
  )
  assert.deepEqual(printed, [])
}

test('a Vite build ranks in a worker under a strict policy and prints nothing', async () => {
  assertRanked(await visitSite(bundle, { policy: POLICY }), 'worker')
})

test('a Vite build asks for its own files only, and not for the full build', async () => {
  const { asked } = await visitSite(bundle, { policy: POLICY })
  const own = ['/', ...(await readdir(join(bundle, 'assets'))).map((file) => `/assets/${file}`)]
  assert.deepEqual(
    asked.filter((path) => !own.includes(path)),
    [],
  )
  assert.equal(asked.filter((path) => COMPACT.test(path)).length, 1)
  assert.ok(!asked.some((path) => path.includes('full')))
})

test('an engine asked to stay on the main thread does, and loads no worker', async () => {
  const visited = await visitSite(bundle, { policy: POLICY }, '?worker=false')
  assertRanked(visited, 'main')
  assert.ok(!visited.asked.some((path) => path.includes('worker')))
})

// In the cases that follow the browser itself prints what it refused; that is not ours to silence.

test('a policy without workers leaves the engine on the main thread', async () => {
  const { seen } = await visitSite(bundle, { policy: `${POLICY}; worker-src 'none'` })
  assertRanked({ seen, printed: [] }, 'main')
})

test('a worker whose script is missing leaves the engine on the main thread', async () => {
  const worker = (await readdir(join(bundle, 'assets'))).find((file) => file.startsWith('worker'))
  const { seen } = await visitSite(bundle, { policy: POLICY, files: { [`/assets/${worker}`]: '/nowhere' } })
  assertRanked({ seen, printed: [] }, 'main')
})

test('a worker that gives no sign for three seconds leaves the engine on the main thread', async () => {
  const worker = (await readdir(join(bundle, 'assets'))).find((file) => file.startsWith('worker'))
  const { seen } = await visitSite(bundle, { policy: POLICY, files: { [`/assets/${worker}`]: null } })
  assertRanked({ seen, printed: [] }, 'main')
})

test('an engine that must have a worker fails without one, with the remedy', async () => {
  const { seen } = await visitSite(bundle, { policy: `${POLICY}; worker-src 'none'` }, '?worker=true')
  assert.deepEqual([seen.error.code, seen.error.field], ['load-failed', 'worker'])
  assert.match(seen.error.remedy, /worker-src/)
})

for (const worker of [true, false]) {
  test(`a model that needs the full build fetches it, ${worker ? 'in a worker' : 'on the main thread'}`, async () => {
    const model = join(installed.folder, 'model.onnx')
    await writeFile(model, await fullOnly())
    const options = { policy: POLICY, files: { '/model.onnx': model } }
    const visited = await visitSite(bundle, options, `?worker=${worker}&model=/model.onnx`)
    assertRanked(visited, worker ? 'worker' : 'main')
    assert.equal(visited.seen.report.engine, 'full')
    assert.deepEqual(visited.seen.again.scorer, { name: 'full', model: visited.seen.report.model })
    assert.equal(visited.asked.filter((path) => /full.*\.wasm$/.test(path)).length, 1)
  })
}

test('a refused model is the same error from a worker as on the main thread', async () => {
  const model = fileURLToPath(new URL('../vectors/bad_truncated.onnx', import.meta.url))
  const options = { policy: POLICY, files: { '/model.onnx': model } }
  const errors = []
  for (const worker of [true, false]) {
    errors.push((await visitSite(bundle, options, `?worker=${worker}&model=/model.onnx`)).seen.error)
  }
  assert.equal(errors[0].code, 'model-damaged')
  assert.deepEqual(errors[0], errors[1])
})

test("a policy without 'wasm-unsafe-eval' is named, with the remedy", async () => {
  const { seen } = await visitSite(bundle, { policy: "default-src 'self'; img-src data:" })
  assert.equal(seen.error.code, 'wasm-blocked')
  assert.match(seen.error.remedy, /'wasm-unsafe-eval'/)
})

test('a wasm file that was not copied is named, with its address', async () => {
  const { seen } = await visitSite(bundle, { policy: POLICY, files: { [wasm]: '/nowhere' } })
  assert.equal(seen.error.code, 'wasm-unavailable')
  assert.ok(seen.error.value.endsWith(wasm))
})

test('a host that does not know .wasm still starts the engine', async () => {
  const app = await installed.app('unknown-type', 'app')
  const renamed = join(app, 'compact.bin')
  await writeFile(renamed, await readFile(join(bundle, wasm)))
  assertRanked(await visitSite(bundle, { policy: POLICY, files: { [wasm]: renamed } }), 'worker')
})

test('a page without a bundler runs it through an import map', async () => {
  const app = await installed.app('bare', 'app')
  const html = await readFile(join(app, 'index.html'), 'utf8')
  const map = { imports: { nearside: '/node_modules/nearside/dist/index.js' } }
  const script = `<script type="importmap">${JSON.stringify(map)}</script>`
  await writeFile(join(app, 'index.html'), html.replace('<script', `${script}<script`))
  assertRanked(await visitSite(app), 'worker')
})

for (const [name, create] of [
  ['Vite', createServer],
  ['Vite 7, which hides the package from its own files,', createServerOfVite7],
]) {
  test(`the development server of ${name} ranks in a worker`, async () => {
    const app = await installed.app(name.split(',')[0].replace(' ', '-').toLowerCase(), 'app')
    const server = await create({ root: app, logLevel: 'silent', server: { port: 0, host: '127.0.0.1' } })
    await server.listen()
    try {
      const { port } = server.httpServer.address()
      const { seen } = await visit(browser, `http://127.0.0.1:${port}/`)
      assertRanked({ seen, printed: [] }, 'worker')
    } finally {
      await server.close()
    }
  })
}

/** The n-th JavaScript example of the package's readme. */
async function example(n) {
  const readme = await readFile(new URL('../../pkg/README.md', import.meta.url), 'utf8')
  return [...readme.matchAll(/```js\n(.*?)```/gs)][n][1]
}

/** The shop of the readme's examples, and a model that it cannot use. */
async function exampleFiles() {
  const catalogue = join(installed.folder, 'catalogue.json')
  const products = [{ id: 'sku-1', title: 'Radio' }]
  const placements = [{ id: 'home', exclude: [] }]
  await writeFile(catalogue, JSON.stringify({ schema: 1, version: 'v', currency: 'USD', products, placements }))
  const model = fileURLToPath(new URL('../vectors/bad_schema.onnx', import.meta.url))
  return { '/catalogue.json': catalogue, '/model.onnx': model }
}

test("the readme's first example runs", async () => {
  const app = await installed.app('readme', 'app')
  await writeFile(join(app, 'main.js'), `${await example(0)}\nwindow.seen = engine.runs`)
  await build({ root: app, logLevel: 'error' })
  const { seen, printed } = await visitSite(join(app, 'dist'), { policy: POLICY, files: await exampleFiles() })
  assert.equal(seen, 'worker')
  assert.equal(printed[0], 'log: sku-1 sku-1 false')
  assert.match(printed[1], /^log: .*schema/)
  assert.equal(printed.length, 2)
})

test("the readme's example for esbuild runs, on the main thread", async () => {
  const app = await installed.app('readme-esbuild', 'app')
  await writeFile(join(app, 'shop.js'), `${await example(1)}\nwindow.seen = engine.runs`)
  await bundleWithEsbuild({
    absWorkingDir: app,
    entryPoints: ['shop.js'],
    bundle: true,
    format: 'esm',
    loader: { '.wasm': 'file' },
    outfile: 'main.js',
    publicPath: '/',
  })
  const { seen } = await visitSite(app, { policy: POLICY, files: await exampleFiles() })
  assert.equal(seen, 'main')
})
