// The npm package, packed and installed in an empty folder: Node, TypeScript, publint.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { install } from './installed.mjs'

const run = promisify(execFile)
let installed

before(async () => {
  installed = await install()
})
after(() => installed.remove())

test('the tarball holds scripts, types, all builds, licences and the readme, and no sources', () => {
  const { files } = installed
  for (const file of [
    'README.md',
    'LICENSE-MIT',
    'LICENSE-APACHE',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/node.js',
    'dist/worker.js',
    'dist/wasm/compact/nearside_compact.js',
    'dist/wasm/compact/nearside_compact_bg.wasm',
    'dist/wasm/relaxed/nearside_relaxed_bg.wasm',
    'dist/wasm/full/nearside_full.js',
    'dist/wasm/full/nearside_full_bg.wasm',
  ]) {
    assert.ok(files.includes(file), `${file} is missing`)
  }
  assert.deepEqual(
    files.filter((file) => !/^(dist\/.*\.(js|wasm|d\.ts)|README\.md|LICENSE-(MIT|APACHE)|package\.json)$/.test(file)),
    [],
  )
})

test('the package depends on no other package', async () => {
  const app = await installed.app('alone')
  const lock = JSON.parse(await readFile(join(app, 'package-lock.json'), 'utf8'))
  assert.deepEqual(Object.keys(lock.packages), ['', 'node_modules/nearside'])
})

test('Node imports it, ranks, and ends by itself', async () => {
  const app = await installed.app('in-node')
  await writeFile(
    join(app, 'shop.mjs'),
    `import { createEngine } from 'nearside'
     const engine = await createEngine({
       catalogue: {
         schema: 1, version: 'v', currency: 'USD',
         products: [{ id: 'a', title: 'A', price: 1 }, { id: 'b', title: 'B', price: 2 }],
         placements: [{ id: 'home' }],
       },
     })
     await engine.observe({ event: 'view_item', items: [{ item_id: 'b' }] })
     const { slate } = await engine.rank({ placement: 'home' })
     console.log(JSON.stringify({ runs: engine.runs, ads: slate.map(({ item_id }) => item_id).sort() }))`,
  )
  const { stdout, stderr } = await run(process.execPath, ['shop.mjs'], { cwd: app, timeout: 20_000 })
  assert.deepEqual(JSON.parse(stdout), { runs: 'node', ads: ['a', 'b'] })
  assert.equal(stderr, '')
})

test('a server may import the entry meant for pages, without a page', async () => {
  const app = await installed.app('server-side')
  await writeFile(
    join(app, 'render.mjs'),
    `const page = await import(import.meta.resolve('nearside').replace('node.js', 'index.js'))
     console.log(Object.keys(page).sort().join())`,
  )
  const { stdout } = await run(process.execPath, ['render.mjs'], { cwd: app, timeout: 20_000 })
  assert.equal(stdout.trim(), 'EngineError,createEngine')
})

test('the entries for Node and for pages export the same names', async () => {
  const node = await import(new URL('../../pkg/dist/node.js', import.meta.url))
  const page = await import(new URL('../../pkg/dist/index.js', import.meta.url))
  assert.deepEqual(Object.keys(node).sort(), Object.keys(page).sort())
})

for (const [name, options] of [
  ['for Node', ['--module', 'nodenext', '--lib', 'es2023,dom']],
  ['for a bundler', ['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2023,dom']],
]) {
  test(`a strict TypeScript consumer compiles ${name}, the package's own types included`, async () => {
    const app = await installed.app(name.replaceAll(' ', '-'), 'consumer')
    const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false']
    const flags = ['--noEmit', '--target', 'es2022', '--types', '', ...strict, ...options]
    const { stdout } = await run(process.execPath, [tsc, ...flags, 'shop.ts'], { cwd: app }).catch((error) => error)
    assert.equal(stdout, '')
  })
}

test('publint finds nothing to say', async () => {
  const app = await installed.app('linted')
  const { messages } = await publint({ pkgDir: join(app, 'node_modules/nearside'), pack: false, strict: true })
  assert.deepEqual(messages, [])
})
