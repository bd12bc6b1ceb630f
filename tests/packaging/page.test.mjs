// The installed package in a page: bundled, served in development, and bare.
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build, createServer } from 'vite'
import { createServer as createServerOfVite7 } from 'vite7'
import { launch, visit } from './chromium.mjs'
import { install } from './installed.mjs'
import { openSite } from './site.mjs'

const POLICY = "default-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'"

let installed
let browser
let bundle

before(async () => {
  installed = await install()
  browser = await launch()
  const app = await installed.app('bundled', 'app')
  await build({ root: app, logLevel: 'error' })
  bundle = join(app, 'dist')
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
  assert.equal(asked.filter((path) => path.includes('compact')).length, 1)
  assert.ok(!asked.some((path) => path.includes('full')))
})

test('a policy without workers leaves the engine on the main thread', async () => {
  const { seen } = await visitSite(bundle, { policy: `${POLICY}; worker-src 'none'` })
  assertRanked({ seen, printed: [] }, 'main')
})

test('a worker whose script is missing leaves the engine on the main thread', async () => {
  const worker = (await readdir(join(bundle, 'assets'))).find((file) => file.startsWith('worker'))
  const { seen } = await visitSite(bundle, { policy: POLICY, files: { [`/assets/${worker}`]: '/nowhere' } })
  assertRanked({ seen, printed: [] }, 'main')
})

test("a policy without 'wasm-unsafe-eval' is named, with the remedy", async () => {
  const { seen } = await visitSite(bundle, { policy: "default-src 'self'; img-src data:" })
  assert.equal(seen.error.code, 'wasm-blocked')
  assert.match(seen.error.remedy, /'wasm-unsafe-eval'/)
})

test('a wasm file that was not copied is named, with its address', async () => {
  const wasm = (await readdir(join(bundle, 'assets'))).find((file) => /compact.*\.wasm$/.test(file))
  const { seen } = await visitSite(bundle, { policy: POLICY, files: { [`/assets/${wasm}`]: '/nowhere' } })
  assert.equal(seen.error.code, 'wasm-unavailable')
  assert.match(seen.error.value, new RegExp(`/assets/${wasm}$`))
})

test('a host that does not know .wasm still starts the engine', async () => {
  const app = await installed.app('unknown-type', 'app')
  const renamed = join(app, 'compact.bin')
  const wasm = join(app, 'node_modules/nearside/dist/wasm/compact/nearside_compact_bg.wasm')
  await writeFile(renamed, await readFile(wasm))
  const name = (await readdir(join(bundle, 'assets'))).find((file) => /compact.*\.wasm$/.test(file))
  assertRanked(await visitSite(bundle, { policy: POLICY, files: { [`/assets/${name}`]: renamed } }), 'worker')
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
