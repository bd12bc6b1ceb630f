// The built demo shop on a server of its own, and a shopper to walk through it.
//
// The server sends the strict policy that the shop is built for and notes every request, whoever in
// the page makes it. Files can be replaced, to see the shop with a broken one.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from '../packaging/chromium.mjs'

export { launch }

const DIST = fileURLToPath(new URL('../../www/dist', import.meta.url))

export const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "worker-src 'self'",
  "connect-src 'self'",
].join('; ')

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.onnx': 'application/octet-stream',
}

/** Longest wait for anything on the page, in milliseconds; generous, because the tests share two cores with a build. */
export const PATIENCE_MS = 60_000

/** Every file of the built shop, by its path from the root. */
export function builtFiles(folder = DIST) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => relative(folder, path))
}

/** The catalogue's products by id. */
export function products() {
  const { products } = JSON.parse(readFileSync(join(DIST, 'catalogue.json'), 'utf8'))
  return new Map(products.map((product) => [product.id, product]))
}

/**
 * Serves the shop below `/demo/`, as many shops serve a theme from a sub-path.
 * `replace` maps a file name's pattern to its bytes, or to null for "not found"; it may be changed between visits.
 */
export async function serve({ replace = [], policy = POLICY } = {}) {
  if (!existsSync(join(DIST, 'index.html'))) throw new Error('www/dist is missing: run `npm run build` in www first')
  const asked = []
  const site = { asked, replace }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://shop').pathname)
    asked.push(path)
    const name = path === '/demo/' ? 'index.html' : path.replace(/^\/demo\//, '')
    const other = site.replace.find(([pattern]) => pattern.test(name))
    const file = join(DIST, name)
    const inside = !relative(DIST, file).startsWith('..') && path.startsWith('/demo/')
    const bytes = other !== undefined ? other[1] : inside && existsSync(file) && statSync(file).isFile() ? readFileSync(file) : null
    if (bytes === null) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found')
      return
    }
    response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream', 'content-security-policy': policy }).end(bytes)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  site.url = `http://127.0.0.1:${server.address().port}/demo/`
  site.close = () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  return site
}

/** A shopper: a browser page on the shop, with what it asked for and what went wrong in it. */
export class Shopper {
  /** Addresses of every request the page made. */
  requests = []
  /** Uncaught errors and refusals by the policy. */
  troubles = []

  static async visit(browser, url, { context: options = {}, before } = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
    const shopper = new Shopper(context, await context.newPage())
    if (before !== undefined) await shopper.page.addInitScript(before)
    await shopper.page.goto(url)
    return shopper
  }

  constructor(context, page) {
    this.context = context
    this.page = page
    page.setDefaultTimeout(PATIENCE_MS)
    context.on('request', (request) => this.requests.push(request.url()))
    page.on('pageerror', (error) => this.troubles.push(`uncaught: ${error.message}`))
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.troubles.push(message.text())
    })
  }

  /** Waits until the engine and the model have started, or will not, and every shelf shows its answer. */
  async ready() {
    await this.page.waitForFunction(() => {
      const text = document.querySelector('#panel-engine')?.textContent ?? ''
      return text !== '' && !/is starting|on its way/.test(text)
    })
    await this.settled()
  }

  /** Waits until every list is drawn and every shelf shows the answer to what was done last. */
  async settled() {
    await this.page.waitForSelector('.shelf')
    await this.page.waitForFunction(() => document.querySelector('.shelf-list[aria-busy], .main .hollow') === null)
  }

  /** Goes to a place as a link would, without input, so that every layout shift counts. */
  async go(hash) {
    await this.page.evaluate((hash) => {
      location.hash = hash
    }, hash)
    await this.page.waitForFunction((hash) => location.hash === hash && document.activeElement?.classList.contains('page-title'), hash)
    await this.settled()
  }

  /** The cards of a placement, best first. */
  slate(placement) {
    return this.page.$$eval(`[data-placement="${placement}"] .shelf-place`, (places) =>
      places.map((place) => ({
        id: decodeURIComponent(place.querySelector('a').hash.split('/').at(-1)),
        name: place.querySelector('.tile-name').textContent,
        sponsored: place.querySelector('.tile-paid')?.textContent ?? null,
        advertiser: place.querySelector('.tile-paid') ? place.querySelector('.tile-under').textContent : null,
      })))
  }

  /** What the panel says, as a person reads it. */
  panel() {
    return this.page.evaluate(() => {
      const facts = Object.fromEntries([...document.querySelectorAll('#panel .fact')].map((fact) => [fact.querySelector('dt').textContent, fact.querySelector('dd').textContent]))
      const bars = (title) => {
        const block = [...document.querySelectorAll('#panel .bars-block')].find((block) => block.querySelector('h4').textContent === title)
        return [...block.querySelectorAll('.bar')].filter((bar) => bar.querySelector('.bar-name')).map((bar) => ({ name: bar.querySelector('.bar-name').title, weight: Number(bar.querySelector('.bar-weight').textContent) }))
      }
      return {
        facts,
        engine: document.querySelector('#panel-engine').textContent,
        categories: bars('Categories'),
        brands: bars('Brands'),
        foreign: Number(document.querySelector('#requests-foreign').textContent),
        requests: [...document.querySelectorAll('#requests tbody tr')].map((row) => row.cells[0].textContent),
      }
    })
  }

  close() {
    return this.context.close()
  }
}
