// The example of the README, as it stands there, in Node.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

test('the first screen names the two commands', () => {
  const screen = readme.split('\n').slice(0, 15)
  for (const command of ['cargo xtask demo', 'cargo xtask test']) {
    assert.ok(screen.some((line) => line.startsWith(command)), command)
  }
})

test('the example runs and ranks with the model', () => {
  const [, example] = /```js\n(.*?)```/s.exec(readme)
  const lines = example.trimEnd().split('\n')
  assert.ok(lines.length <= 12, `${lines.length} lines`)
  // A page has an address to which the paths are relative; Node has a folder.
  const site = new URL('../../www/public/', import.meta.url)
  const located = example.replace(/'\/(catalogue\.json|model\.onnx)'/g, (_, file) => `new URL('${new URL(file, site)}')`)
  assert.notEqual(located, example)
  const script = new URL('./example.out.mjs', import.meta.url)
  writeFileSync(script, located)
  try {
    const printed = execFileSync(process.execPath, [fileURLToPath(script)], { encoding: 'utf8' }).trim().split('\n')
    assert.match(printed[0], /^[1-9]\d* ads by the compact scorer, from the profile$/)
    assert.equal(printed.length, 1 + Number.parseInt(printed[0], 10))
    assert.match(printed[1], /^0 \S+ \S+ (true|false)$/)
  } finally {
    rmSync(script)
  }
})
