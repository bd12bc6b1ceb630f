// Plays a short session in the served demo and takes a picture of its end.
//
//     node tests/browser/demo-once.mjs --url http://127.0.0.1:8000/ --screenshot demo.png
//
// Exit code 1 where the picks did not follow the shopper, or where anything was asked of another origin.

import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { launch, Shopper } from './shop.mjs'

const DEPARTMENT = 'Musical Instruments'
const AISLE = 'Instrument Instructional Books'
/** Fewest of the eight picks that must come from the aisle after two looks into it. */
const ENOUGH = 4

const { values } = parseArgs({ options: { url: { type: 'string' }, screenshot: { type: 'string' } } })
if (values.url === undefined) {
  console.error('usage: node demo-once.mjs --url URL [--screenshot PATH]')
  process.exit(1)
}

const browser = await launch()
try {
  await play(browser)
} catch (error) {
  console.error(`The demo did not do what it should: ${error.message}`)
  process.exitCode = 1
} finally {
  await browser.close()
}

async function play(browser) {
  const began = performance.now()
  const shopper = await Shopper.visit(browser, values.url, { context: { viewport: { width: 1440, height: 1200 }, deviceScaleFactor: 2 } })
  const { page } = shopper
  await shopper.ready()
  const start = await shopper.panel()
  console.log(`Opened the shop in ${(performance.now() - began).toFixed(0)} ms. ${start.engine}`)
  const before = await aisles(page)
  const asked = shopper.requests.length

  await page.click(`.tree >> text=${DEPARTMENT}`)
  await page.click('.chips >> text=Sheet Music')
  await page.click(`.chips >> text=${AISLE}`)
  await page.waitForSelector('.grid a')
  console.log(`Went to ${DEPARTMENT}, then to ${AISLE}.`)
  for (const nth of [0, 1]) {
    if (nth > 0) {
      await page.goBack()
      await page.waitForSelector('.grid a')
    }
    const guitar = page.locator('.grid a', { hasText: 'Guitar' }).nth(nth)
    const name = await guitar.locator('.tile-name').textContent()
    await guitar.click()
    await page.waitForSelector('.product')
    await shopper.settled()
    console.log(`Looked at "${name}".`)
  }
  await page.click('.mark')
  await page.waitForSelector('.lead')
  await shopper.settled()
  // The marks on cards that are new have faded by then.
  await page.waitForTimeout(2200)

  const after = await aisles(page)
  const panel = await shopper.panel()
  const ours = (list) => list.filter((aisle) => aisle === AISLE).length
  console.log(`Picks from ${AISLE}: ${ours(before)} of ${before.length} before, ${ours(after)} of ${after.length} after.`)
  console.log(`Last decision: ${panel.facts['Scorer']}, by ${panel.facts['Basis']}, in ${panel.facts['Took']}; candidates ${panel.facts['Candidates']}.`)
  console.log(`Requests: ${panel.requests.length}, to other origins ${panel.foreign}, after the start ${shopper.requests.length - asked}.`)
  if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot, fullPage: true })

  assert.ok(ours(after) >= ENOUGH && ours(after) > ours(before), 'the picks did not follow what was looked at')
  assert.ok(panel.categories[0]?.name.endsWith(AISLE), `the profile's first category is ${panel.categories[0]?.name}`)
  assert.equal(panel.facts['Basis'], 'profile')
  const { origin } = new URL(values.url)
  assert.deepEqual(shopper.requests.filter((address) => new URL(address).origin !== origin), [], 'a request left the origin')
  assert.equal(shopper.requests.length, asked, 'something was requested after the start')
  assert.equal(panel.foreign, 0)
  assert.deepEqual(shopper.troubles, [])
}

/** The narrowest category of each pick. Paid cards show who pays there instead, so the panel's slate is read. */
function aisles(page) {
  return page.$$eval('#panel .slate tbody td:nth-child(2)', (cells) => cells.map((cell) => cell.title.split(' > ').at(-1)).filter(Boolean))
}
