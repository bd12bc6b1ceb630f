import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect } from './rows.mjs'

const measures = { a: async () => ({ row: 'A' }), b: async () => ({ row: 'B' }) }

test('only the rows asked for are measured, and all where none is', async () => {
  assert.deepEqual(await collect(measures, ['b']), ['B'])
  assert.deepEqual(await collect(measures), ['A', 'B'])
  assert.deepEqual(await collect(measures, ['b'], { c: async () => ({ row: 'C' }) }), ['B', 'C'])
})

test('a row that nobody knows is refused, with the rows there are', async () => {
  await assert.rejects(collect(measures, ['a', 'd']), /no row is called d; there are a, b/)
})
