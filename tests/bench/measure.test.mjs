import assert from 'node:assert/strict'
import { test } from 'node:test'
import { against, alternate, quantile, row } from './measure.mjs'

test('a quantile is one of the numbers, and the median of two is the lower', () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2)
  assert.equal(quantile([2, 1], 0.5), 1)
  assert.equal(quantile([5], 0.95), 5)
  assert.equal(quantile(Array.from({ length: 100 }, (_, i) => i + 1), 0.95), 95)
})

test('every work runs once per round and leads in every other', async () => {
  const calls = []
  const works = { a: () => calls.push('a'), b: () => calls.push('b') }
  const times = await alternate(works, { rounds: 2, warmup: 1 })
  assert.deepEqual([times.a.length, times.b.length], [2, 2])
  assert.equal(calls.join(''), 'baabba')
})

test('a ratio is ours over theirs, and over the budget where there is no peer', () => {
  assert.equal(row('x', [2, 2, 9], 'peer', [4, 4, 4]).ratio, 0.5)
  assert.deepEqual(
    (({ peer, peer_ms, ratio }) => ({ peer, peer_ms, ratio }))(against('x', [10], 50)),
    { peer: 'budget', peer_ms: 50, ratio: 0.2 },
  )
})
