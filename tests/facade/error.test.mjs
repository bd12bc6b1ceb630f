// The error class on its own, and on its way across a worker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from 'nearside'

test('an error keeps code, message, field, value and remedy across structured cloning', () => {
  const error = new EngineError('invalid-field', 'no', { field: 'seed', value: 'x', remedy: 'yes' })
  const copy = EngineError.fromJSON(structuredClone(error.toJSON()))
  assert.deepEqual(copy.toJSON(), { code: 'invalid-field', message: 'no', field: 'seed', value: 'x', remedy: 'yes' })
  assert.ok(copy instanceof EngineError)
})

test('absent details are left out of the plain form', () => {
  assert.deepEqual(Object.keys(new EngineError('disposed', 'gone').toJSON()), ['code', 'message'])
})

test('an error is known by its name and code, not by its class', () => {
  const foreign = Object.assign(new Error('no'), { name: 'EngineError', code: 'disposed' })
  assert.equal(EngineError.is(foreign), true)
  assert.equal(EngineError.is(foreign, 'disposed'), true)
  assert.equal(EngineError.is(foreign, 'internal'), false)
  assert.equal(EngineError.is(new TypeError('no')), false)
  assert.equal(EngineError.is({ name: 'EngineError', code: 'disposed' }), false)
})
