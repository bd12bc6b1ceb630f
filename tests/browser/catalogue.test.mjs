// The demo's catalogue is what its script makes of the CC0 records, and says what is made up.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../../www/${path}`, import.meta.url))
const catalogue = JSON.parse(readFileSync(at('public/catalogue.json'), 'utf8'))

test('the committed catalogue is the one the script makes', () => {
  execFileSync(process.execPath, [at('data/build.mjs'), '--check'])
})

test('every product has what the shop shows, without entities', () => {
  assert.equal(catalogue.products.length, 1000)
  for (const { id, title, brand, price, product_type } of catalogue.products) {
    assert.match(id, /^\d+$/)
    assert.match(price, /^\d+\.\d\d USD$/)
    for (const text of [title, brand, product_type]) assert.ok(text !== '' && !/&#?\w+;/.test(text), `${id}: ${text}`)
  }
})

test('every campaign is named a demo campaign and advertises products of the catalogue', () => {
  const ids = new Set(catalogue.products.map(({ id }) => id))
  for (const { advertiser, creatives } of catalogue.campaigns) {
    assert.match(advertiser, /\(demo campaign\)$/)
    assert.ok(creatives.length > 0)
    for (const { item_id } of creatives) assert.ok(ids.has(item_id))
  }
})
