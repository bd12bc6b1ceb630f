import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plot, powers, share } from './plot.mjs'

const row = (ads, ours_ms, peer_ms) => ({ ads, ours_ms, peer_ms, peer: 'peer 1.0 <x>', ours_bytes: 2 ** 20, peer_bytes: 2 ** 30 })

test('an axis runs from the power of ten below the numbers to the one above', () => {
  assert.deepEqual(powers([0.07, 40]), [-2, -1, 0, 1, 2])
  assert.deepEqual(powers([10, 10]), [1, 2])
  assert.equal(share(1000, [2, 3, 4]), 0.5)
})

test('a plot has a point for each figure and none where there is none', () => {
  const svg = plot([row(1000, 0.1, 2), row(10_000, 1, null)], 'Node & co')
  assert.equal(svg.match(/<circle class="ours"/g).length, 4)
  assert.equal(svg.match(/<circle class="theirs"/g).length, 3)
})

test('a line falls where its figures fall: ten times less is one power further down', () => {
  const svg = plot([row(1000, 10, 100), row(10_000, 1, 100)], '')
  const [first, second] = [...svg.matchAll(/<circle class="ours" cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y))
  assert.ok(Math.abs(second - first - (300 - 64) / 2) < 0.2)
})

test('names are text in the file, not markup', () => {
  assert.match(plot([row(1000, 1, 1)], 'a < b & c'), /a &lt; b &amp; c/)
})
