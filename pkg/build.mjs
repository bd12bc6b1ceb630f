// Builds dist/ from src/. The types keep their comments, the scripts go without:
// a page downloads them. So does wasm-bindgen's glue, where it is there already.
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

function tsc(...options) {
  execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), ...options], {
    cwd: at('.'),
    stdio: 'inherit',
  })
}

tsc('-p', '.', '--emitDeclarationOnly')
tsc('-p', '.', '--declaration', 'false', '--removeComments')

for (const build of ['compact', 'full']) {
  const glue = `dist/wasm/${build}/nearside_${build}.js`
  if (!existsSync(at(glue))) continue
  const bare = `dist/wasm/${build}/bare`
  const script = ['--ignoreConfig', '--allowJs', '--removeComments', '--target', 'es2022', '--module', 'esnext']
  tsc(...script, '--types', '', '--outDir', bare, glue)
  renameSync(at(`${bare}/nearside_${build}.js`), at(glue))
  rmSync(at(bare), { recursive: true })
}
