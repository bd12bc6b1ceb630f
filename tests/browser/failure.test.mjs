// A shop goes on when a part of the ranking is missing.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch, POLICY, products, serve, Shopper } from './shop.mjs'

const BOOKS = 'Musical Instruments > Sheet Music & DVDs > Instrument Instructional Books'
const MODEL = readFileSync(new URL('../../www/public/model.onnx', import.meta.url))
const CATALOGUE = readFileSync(new URL('../../www/public/catalogue.json', import.meta.url))

let browser
const catalogue = products()
const books = (slate) => slate.filter(({ id }) => catalogue.get(id).product_type === BOOKS).length

before(async () => {
  browser = await launch()
})
after(() => browser?.close())

/** Serves a changed shop, hands over a shopper, and closes both. */
async function withShop(changes, visit) {
  const site = await serve(changes.site)
  const shopper = await Shopper.visit(browser, site.url, { before: changes.page })
  try {
    await visit(shopper, site)
    assert.deepEqual(shopper.troubles.filter((trouble) => trouble.startsWith('uncaught')), [])
  } finally {
    await shopper.close()
    await site.close()
  }
}

/** Looks at two guitar books and goes home. */
async function lookAtBooks(shopper) {
  await shopper.go('#/product/1145548')
  await shopper.go('#/product/1145502')
  await shopper.go('#/')
}

/** The shop sells: a category, a search, the cart. */
async function sells(shopper) {
  const { page } = shopper
  await shopper.go('#/category/Appliances')
  await page.waitForSelector('.grid-place a')
  await shopper.go('#/search/guitar')
  await page.click('.grid-place:nth-child(1) .tile-add')
  await shopper.go('#/cart')
  await page.click('text=Buy (demo)')
  await page.waitForSelector('text=The cart is empty')
}

for (const [how, init] of [
  ['has no workers', () => void delete globalThis.Worker],
  ['forbids them', () => {
    globalThis.Worker = class {
      constructor() {
        throw new DOMException('no workers here', 'SecurityError')
      }
    }
  }],
]) {
  test(`the shop ranks on the main thread where the browser ${how}`, () =>
    withShop({ page: init }, async (shopper) => {
      await shopper.ready()
      await lookAtBooks(shopper)
      const { engine, facts } = await shopper.panel()
      assert.match(engine, /on the main thread with model/)
      assert.equal(facts['Basis'], 'profile')
      assert.ok(books(await shopper.slate('picks')) >= 5)
    }))
}

for (const [what, bytes, code] of [
  ['is missing', null, 'load-failed'],
  ['is cut short', MODEL.subarray(0, MODEL.length >> 1), 'model-damaged'],
  ['is a page of text', Buffer.from('<!doctype html><title>Not found</title>'), 'model-damaged'],
]) {
  test(`the formula ranks where the model ${what}`, () =>
    withShop({ site: { replace: [[/model\.onnx$/, bytes]] } }, async (shopper) => {
      await shopper.ready()
      await lookAtBooks(shopper)
      const { engine, facts } = await shopper.panel()
      assert.ok(engine.includes(`without a model (${code})`), engine)
      assert.equal(facts['Scorer'], 'cosine')
      assert.ok(books(await shopper.slate('picks')) >= 5)
    }))
}

for (const [what, site, code] of [
  ['the engine’s file is missing', { replace: [[/\.wasm$/, null]] }, 'wasm-unavailable'],
  // The page's own copy of the policy allows it, but of two policies the stricter holds.
  ['the policy forbids WebAssembly', { policy: POLICY.replace(" 'wasm-unsafe-eval'", '') }, 'wasm-blocked'],
]) {
  test(`the shop shows plain lists where ${what}`, () =>
    withShop({ site }, async (shopper) => {
      await shopper.ready()
      const { engine } = await shopper.panel()
      assert.ok(engine.includes(code), engine)
      assert.equal((await shopper.slate('picks')).length, 8)
      assert.match(await shopper.page.textContent('[data-placement="picks"] .shelf-note'), new RegExp(`plain list.*${code}`))
      await sells(shopper)
    }))
}

test('a catalogue that is cut short leaves a shop that says so and can try again', () =>
  withShop({ site: { replace: [[/catalogue\.json$/, CATALOGUE.subarray(0, CATALOGUE.length >> 1)]] } }, async (shopper, site) => {
    const { page } = shopper
    await page.waitForSelector('[role="alert"]')
    assert.match(await page.textContent('[role="alert"]'), /invalid-json/)
    await page.click('#panel-toggle')
    site.replace.length = 0
    await page.click('text=Try again')
    await shopper.ready()
    assert.equal((await shopper.slate('picks')).length, 8)
  }))

for (const [what, text, code] of [
  ['is missing', null, 'load-failed'],
  ['holds no products', '{"schema":1,"version":"0","currency":"USD","products":[],"placements":[]}', 'empty-catalogue'],
  ['is JSON of another kind', '[1,2,3]', 'invalid-field'],
]) {
  test(`a catalogue that ${what} is named, not drawn as an empty shop`, () =>
    withShop({ site: { replace: [[/catalogue\.json$/, text === null ? null : Buffer.from(text)]] } }, async ({ page }) => {
      await page.waitForSelector('[role="alert"]')
      assert.equal(await page.textContent('.notice-code code'), code)
    }))
}

test('a catalogue that the engine refuses still sells, with plain lists', () => {
  const twice = JSON.parse(CATALOGUE)
  twice.products.push(twice.products[0])
  return withShop({ site: { replace: [[/catalogue\.json$/, Buffer.from(JSON.stringify(twice))]] } }, async (shopper) => {
    await shopper.ready()
    const { engine } = await shopper.panel()
    assert.ok(engine.includes('duplicate-id'), engine)
    assert.equal((await shopper.slate('picks')).length, 8)
    await sells(shopper)
  })
})
