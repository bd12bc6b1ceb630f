// Writes the package's scripts, bundled and minified, to `--out FOLDER` for `cargo xtask size`:
// `first/` holds what a page with a worker downloads, `fallback/` what one without adds.

import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { scripts } from './bundle.mjs'

const { out } = parseArgs({ options: { out: { type: 'string' } } }).values
for (const [name, { text, first }] of Object.entries(await scripts())) {
  const folder = join(out, first ? 'first' : 'fallback')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, basename(name)), text)
}
