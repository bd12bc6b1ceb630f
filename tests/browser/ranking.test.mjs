// The slates follow the shopper, for the reason the panel gives.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, products, serve, Shopper } from './shop.mjs'

const BOOKS = 'Musical Instruments > Sheet Music & DVDs > Instrument Instructional Books'
const FRIDGES = 'Appliances > Refrigerators > All Refrigerators'
const GUITAR_BOOKS = ['1145548', '1145502']
const TWO_FRIDGES = ['1071015', '1071051']

let browser
let site
const catalogue = products()
const under = (slate, path) => slate.filter(({ id }) => catalogue.get(id).product_type.startsWith(path)).length

before(async () => {
  browser = await launch()
  site = await serve()
})
after(async () => {
  await browser?.close()
  await site?.close()
})

/** Opens the shop, looks at some products, and comes back to the front page. */
async function browse(ids) {
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  const first = await shopper.slate('picks')
  for (const id of ids) await shopper.go(`#/product/${id}`)
  await shopper.go('#/')
  return { shopper, first, picks: await shopper.slate('picks'), panel: await shopper.panel() }
}

test('the picks change towards what was looked at, because the profile did', async () => {
  const { shopper, first, picks, panel } = await browse(GUITAR_BOOKS)
  await shopper.close()
  assert.ok(under(picks, BOOKS) >= 5, `only ${under(picks, BOOKS)} of ${picks.length} picks are instructional books`)
  assert.ok(under(first, BOOKS) < under(picks, BOOKS), 'the first slate was already like the last')
  assert.equal(panel.categories[0].name, BOOKS)
  assert.equal(panel.brands[0].name, 'Hal Leonard')
  assert.equal(panel.facts['Basis'], 'profile')
  assert.match(panel.facts['Scorer'], /^compact · model [0-9a-f]{8}$/)
  assert.deepEqual(shopper.troubles, [])
})

test('another shopper on the same page gets other picks', async () => {
  const books = await browse(GUITAR_BOOKS)
  const fridges = await browse(TWO_FRIDGES)
  await Promise.all([books.shopper.close(), fridges.shopper.close()])
  assert.deepEqual(books.first, fridges.first, 'before anything was looked at, both see the same')
  assert.ok(under(fridges.picks, FRIDGES) >= 5, `only ${under(fridges.picks, FRIDGES)} picks are refrigerators`)
  assert.equal(under(fridges.picks, BOOKS), 0)
  assert.equal(under(books.picks, FRIDGES), 0)
})

test('what is looked at or in the cart is not recommended', async () => {
  const [book, other] = GUITAR_BOOKS
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  await shopper.go(`#/product/${book}`)
  const onPage = [...(await shopper.slate('picks')), ...(await shopper.slate('related'))]
  await shopper.page.click('.product .primary')
  await shopper.go(`#/product/${other}`)
  const later = [...(await shopper.slate('picks')), ...(await shopper.slate('related'))]
  const count = await shopper.page.textContent('#cart-count')
  await shopper.close()
  assert.ok(!onPage.some(({ id }) => id === book))
  assert.equal(count, '1')
  assert.ok(!later.some(({ id }) => id === book || id === other))
})

test('the shelves rank anew on the page the shopper is on', async () => {
  const shopper = await Shopper.visit(browser, site.url)
  await shopper.ready()
  await shopper.go('#/search/guitar')
  const before = await shopper.slate('picks')
  // The fourth result goes into the cart without leaving the page; the pointer is away from the shelf.
  await shopper.page.click('.grid-place:nth-child(4) .tile-add')
  await shopper.page.waitForFunction(() => [...document.querySelectorAll('#panel .feed-row code')].some((code) => code.textContent === 'add_to_cart'))
  await shopper.page.waitForFunction((before) => [...document.querySelectorAll('[data-placement="picks"] .tile-link')].some((link, place) => !link.hash.endsWith(before[place].id)), before)
  await shopper.close()
})

test('a paid card says so in words, and names who pays', async () => {
  const { shopper, picks } = await browse(GUITAR_BOOKS)
  const related = await shopper.slate('related')
  const shown = await shopper.page.$$eval('.tile-paid', (labels) => labels.every((label) => label.checkVisibility() && label.offsetWidth > 0))
  await shopper.close()
  const paid = [...picks, ...related].filter(({ sponsored }) => sponsored !== null)
  assert.ok(paid.length >= 2, `only ${paid.length} paid cards`)
  assert.ok(shown)
  for (const { sponsored, advertiser } of paid) {
    assert.equal(sponsored, 'Sponsored')
    assert.match(advertiser, /demo campaign/)
  }
})

test('reset forgets, and a snapshot brings it back', async () => {
  const { shopper, first, picks } = await browse(GUITAR_BOOKS)
  const { page } = shopper
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Export snapshot')])
  const snapshot = await download.path()
  await page.click('text=Reset profile')
  await page.waitForFunction(() => document.querySelectorAll('#panel .bar-name').length === 0)
  await shopper.settled()
  const empty = await shopper.slate('picks')
  await page.setInputFiles('#snapshot-file', snapshot)
  await page.waitForFunction(() => document.querySelectorAll('#panel .bar-name').length > 0)
  await shopper.settled()
  const again = await shopper.slate('picks')
  await shopper.close()
  assert.deepEqual(empty, first)
  // Interests fade by the millisecond, so two cards that all but tie may change places.
  const ids = (slate) => slate.map(({ id }) => id).sort()
  assert.deepEqual(ids(again), ids(picks))
})

test('a file that is no snapshot is refused, and the profile stays', async () => {
  const { shopper, picks } = await browse(GUITAR_BOOKS)
  const { page } = shopper
  await page.setInputFiles('#snapshot-file', { name: 'other.bin', mimeType: 'application/octet-stream', buffer: Buffer.from('not a snapshot') })
  await page.waitForFunction(() => /snapshot-damaged/.test(document.querySelector('.panel-said').textContent))
  const kept = await shopper.slate('picks')
  const { categories } = await shopper.panel()
  await shopper.close()
  assert.deepEqual(kept, picks)
  assert.equal(categories[0].name, BOOKS)
})
