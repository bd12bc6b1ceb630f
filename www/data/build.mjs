// Builds the demo's catalogue from the CC0 product records beside this file.
//
// The output is a pure function of the input: run twice, it is the same to the byte, so a test can
// compare the committed file with a fresh one (`--check`).

import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const source = new URL('products_1000.jsonl.gz', import.meta.url)
const target = new URL('../public/catalogue.json', import.meta.url)

/** Longest description, in characters. The shop shows two lines of it, and the file is fetched before the first ranking. */
const DESCRIPTION_LIMIT = 160

/**
 * Campaigns shown as Sponsored. The advertisers are invented; bids are in USD per click, and do not count yet:
 * a paid card scores as its product does, so it comes up where the product would.
 */
const CAMPAIGNS = [
  { id: 'demo-audio', advertiser: 'Example Audio Co. (demo campaign)', bid: 0.4, placements: ['picks', 'related'], limit: 6,
    match: (p) => /Condenser Microphone|Over-the-Ear Stereo/.test(p.title) },
  { id: 'demo-kitchen', advertiser: 'Sample Kitchen Works (demo campaign)', bid: 0.35, placements: ['picks', 'related'], limit: 6,
    match: (p) => /Blenders|Toasters|Coffee Makers|Stand Mixers/.test(p.product_type) },
  { id: 'demo-print', advertiser: 'Invented Music Press (demo campaign)', bid: 0.3, placements: ['picks', 'related'], limit: 6,
    match: (p) => /Instructional Books/.test(p.product_type) && /Guitar/.test(p.title) },
  { id: 'demo-games', advertiser: 'Placeholder Games (demo campaign)', bid: 0.25, placements: ['picks', 'related'], limit: 6,
    match: (p) => /(PS3|Xbox 360|Wii|PC) Games$/.test(p.product_type) },
]

const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text) {
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&(\w+);/g, (whole, name) => NAMED[name] ?? whole)
    .replace(/\s+/g, ' ')
    .trim()
}

function cut(text) {
  if (text.length <= DESCRIPTION_LIMIT) return text
  const room = text.slice(0, DESCRIPTION_LIMIT)
  // Descriptions are lists of points: better one point fewer than one that breaks off.
  const point = room.lastIndexOf(';')
  if (point > 0) return room.slice(0, point)
  const short = room.slice(0, -1)
  const space = short.lastIndexOf(' ')
  return `${short.slice(0, space > 0 ? space : short.length).replace(/[\s;,.:-]+$/, '')}…`
}

function product(row) {
  return {
    id: String(row.sku),
    title: decode(row.name),
    description: cut(decode(row.description)),
    link: `#/product/${row.sku}`,
    price: `${row.price.toFixed(2)} USD`,
    availability: 'in_stock',
    brand: decode(row.manufacturer),
    product_type: row.category.map((c) => decode(c.name)).join(' > '),
  }
}

function campaign({ id, advertiser, bid, placements, limit, match }, products) {
  const chosen = products.filter(match).slice(0, limit)
  return {
    id,
    advertiser,
    status: 'active',
    pricing: { type: 'cpc', bid, currency: 'USD' },
    placements,
    creatives: chosen.map((p) => ({ id: `${id}-${p.id}`, item_id: p.id, cta: 'View', link: p.link })),
  }
}

/** One record per line, so that a change of one product is a change of one line. */
function lines(list) {
  return list.map((entry) => JSON.stringify(entry)).join(',\n')
}

const products = gunzipSync(readFileSync(source)).toString('utf8').trim().split('\n').map((line) => product(JSON.parse(line)))
const campaigns = CAMPAIGNS.map((c) => campaign(c, products))
const placements = [{ id: 'picks', max_ads: 8 }, { id: 'related', max_ads: 4 }]

const text = `{"schema":1,"version":"2015-demo-1","currency":"USD","locale":"en",
"products":[
${lines(products)}
],
"campaigns":[
${lines(campaigns)}
],
"placements":[
${lines(placements)}
]}
`

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('www/public/catalogue.json differs from what www/data/build.mjs makes: run it without --check and commit the result')
    process.exit(1)
  }
} else {
  writeFileSync(target, text)
  console.log(`${products.length} products, ${campaigns.length} campaigns, ${Buffer.byteLength(text)} bytes`)
}
