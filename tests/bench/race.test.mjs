import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apartness } from './race.mjs'

const shop = { catalogue: { products: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] } }
const best = new Map([['a', 0.8], ['b', 0.5]])
const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-12, `${found}, not ${expected}`)

test('two engines are as far apart as the ad they differ most in, relative to its score', () => {
  near(apartness(best, [0.8, 0.4, 0.1], shop), 0.25)
  near(apartness(best, new Map([['a', 1], ['b', 0.5]]), shop), 0.2)
})

test('an ad outside the slate counts where another engine would have put it in', () => {
  assert.equal(apartness(best, [0.8, 0.5, 0.5], shop), 0)
  near(apartness(best, [0.8, 0.5, 0.625], shop), 0.2)
})

test('fewer scores than the slate has, or none that is a number, agree with nothing', () => {
  assert.equal(apartness(best, new Map([['a', 0.8]]), shop), Infinity)
  assert.ok(!(apartness(best, [NaN, 0.5, 0.1], shop) <= 1))
})
