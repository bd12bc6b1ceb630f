import assert from 'node:assert/strict'
import { test } from 'node:test'
import { module, READ, TERMS } from './loops.mjs'

const loops = new WebAssembly.Instance(new WebAssembly.Module(module())).exports

test('every byte of the range is read, and none beyond', () => {
  const words = new Int32Array(loops.memory.buffer)
  const [first, last] = [0, (3 * READ) / 4 - 4]
  words[first] = 0b0101
  words[last] = 0b0011
  words[last + 4] = 0b1000
  assert.equal(loops.read(0, 3 * READ), 0b0110)
})

test('every turn multiplies and adds once in each chain', () => {
  assert.equal(loops.multiply(1), TERMS * 1)
  assert.equal(loops.multiply(2), TERMS * 1.5)
})
