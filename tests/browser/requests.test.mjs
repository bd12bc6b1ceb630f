// Nothing leaves the page's own origin, and after the start nothing is asked of it either.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { builtFiles, launch, POLICY, serve, Shopper } from './shop.mjs'

let browser
before(async () => {
  browser = await launch()
})
after(() => browser?.close())

/** Walks through every kind of page, and does everything a shopper can do. */
async function shopEverywhere(shopper) {
  const { page } = shopper
  await shopper.go('#/category/Musical%20Instruments')
  await shopper.go('#/product/1145548')
  await page.click('.product .primary')
  await page.fill('#find-words', 'headphones')
  await page.press('#find-words', 'Enter')
  await page.click('.grid-place:nth-child(2) a')
  await page.waitForSelector('.product')
  await shopper.settled()
  await page.click('[data-placement="related"] .shelf-place:nth-child(1) a')
  await shopper.settled()
  await page.click('.product .primary')
  await shopper.go('#/cart')
  await page.click('.cart-line:nth-child(1) .quiet')
  await page.click('text=Buy (demo)')
  await page.waitForSelector('text=The cart is empty')
  await shopper.settled()
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Export snapshot')])
  await download.path()
  await page.click('text=Reset profile')
  await shopper.settled()
  // Long enough for a card to have been seen for a second and its impression to have been counted.
  await page.waitForTimeout(1500)
}

test('nothing leaves the page’s own origin', async () => {
  const site = await serve()
  const files = new Set(builtFiles())
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  const atStart = site.asked.length
  await shopEverywhere(shopper)
  const panel = await shopper.panel()
  const afterStart = site.asked.slice(atStart)
  await shopper.close()
  await site.close()

  const origin = new URL(site.url).origin
  // A snapshot is saved through a blob: address, which stays inside the browser.
  const foreign = shopper.requests.filter((address) => !address.startsWith('blob:') && new URL(address).origin !== origin && !address.startsWith('data:'))
  assert.deepEqual(foreign, [])
  const names = site.asked.map((path) => path.replace(/^\/demo\//, '') || 'index.html')
  assert.deepEqual(names.filter((name) => !files.has(name)), [], 'a request for something that is not one of the shop’s files')
  assert.deepEqual(afterStart, [], 'a request after the start')
  assert.deepEqual(shopper.troubles, [], 'the policy had to stop something')
  assert.deepEqual([...panel.requests].sort(), names.sort(), 'the panel lists what the server saw, no more and no less')
  assert.equal(panel.foreign, 0)
})

test('the address never carries what was done, beyond the hash that stays in the browser', async () => {
  const site = await serve()
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  await shopEverywhere(shopper)
  await shopper.close()
  await site.close()
  for (const address of shopper.requests) {
    if (!address.startsWith('blob:') && !address.startsWith('data:')) assert.equal(new URL(address).search, '')
  }
})

test('a stray request would be noticed, by the server and by the panel', async () => {
  const site = await serve()
  const other = await serve()
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  await shopper.page.evaluate(() => fetch('./stray.json'))
  await shopper.page.evaluate((address) => fetch(address).catch(() => undefined), other.url)
  await shopper.page.waitForFunction(() => [...document.querySelectorAll('#requests td')].some((cell) => cell.textContent === 'stray.json'))
  await shopper.close()
  await Promise.all([site.close(), other.close()])
  assert.ok(site.asked.includes('/demo/stray.json'))
  assert.deepEqual(other.asked, [], 'the policy lets nothing through to another origin')
  assert.ok(shopper.troubles.some((trouble) => trouble.includes('connect-src')))
})

test('the built page carries the policy itself, for servers that send none', async () => {
  const site = await serve({ policy: '' })
  const shopper = await Shopper.visit(browser, site.url)
  const policy = await shopper.page.getAttribute('meta[http-equiv="Content-Security-Policy"]', 'content')
  await shopper.ready()
  await shopper.close()
  await site.close()
  assert.equal(policy, POLICY)
})
