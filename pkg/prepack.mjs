// Runs before `npm pack`: the licences lie at the root of the repository, and a
// package that lacks a build must not leave it.
import { access, copyFile } from 'node:fs/promises'

const needed = [
  'dist/index.js',
  'dist/index.d.ts',
  'dist/node.js',
  'dist/worker.js',
  ...['compact', 'full'].flatMap((build) => [
    `dist/wasm/${build}/nearside_${build}.js`,
    `dist/wasm/${build}/nearside_${build}_bg.wasm`,
  ]),
  'dist/wasm/relaxed/nearside_relaxed_bg.wasm',
]
for (const file of needed) {
  await access(new URL(file, import.meta.url)).catch(() => {
    console.error(`${file} is missing; run \`cargo xtask build\` first`)
    process.exit(1)
  })
}
for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) {
  await copyFile(new URL(`../${licence}`, import.meta.url), new URL(licence, import.meta.url))
}
