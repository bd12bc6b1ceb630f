// Which file of the compact engine is taken: the one in relaxed SIMD where that is there and computes as it should.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

const script = `
  import { createEngine } from 'nearside'
  import { compactUrl } from '${new URL('../../pkg/dist/assets.js', import.meta.url)}'
  const engine = await createEngine()
  console.log(compactUrl().match(/wasm\\/(\\w+)/)[1], engine.runs)
`

/** The file that Node takes when V8 is given these flags, and where its engine runs. */
function taken(...flags) {
  const options = { cwd: new URL('.', import.meta.url), encoding: 'utf8' }
  return execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', script], options).trim()
}

// Versions of Node above 20 have it without a flag, and then none can take it away.
const unflagged = taken() === 'relaxed node'

test('relaxed SIMD is taken where it computes as it should', () => {
  assert.equal(taken('--experimental-wasm-relaxed-simd', '--no-liftoff'), 'relaxed node')
})

test('a V8 that loses the sum before a function is hot takes the other build', { skip: unflagged }, () => {
  assert.equal(taken('--experimental-wasm-relaxed-simd'), 'compact node')
})

test('so does one without relaxed SIMD', { skip: unflagged }, () => {
  assert.equal(taken(), 'compact node')
})
