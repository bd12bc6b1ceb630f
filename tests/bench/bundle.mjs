// Pages and scripts as a shop's bundler makes them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const SETTINGS = {
  configFile: false,
  logLevel: 'error',
  base: './',
  worker: { format: 'es' },
}

const BUILD = { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 }

/** Builds the bench's pages into a folder of their own; `remove` deletes it. */
export async function pages(names) {
  const outDir = mkdtempSync(join(tmpdir(), 'nearside-bench-'))
  const root = fileURLToPath(new URL('page/', import.meta.url))
  const input = names.map((name) => join(root, `${name}.html`))
  await build({ ...SETTINGS, root, build: { ...BUILD, outDir, emptyOutDir: true, rolldownOptions: { input } } })
  return { folder: outDir, remove: () => rmSync(outDir, { recursive: true }) }
}

/** The scripts of a page that does nothing but import `createEngine`: name to `{ text, first }`. */
export async function scripts() {
  const page = {
    name: 'page',
    resolveId: (id) => (id === 'virtual:page' ? '\0page' : null),
    load: (id) => (id === '\0page' ? "import { createEngine } from 'nearside'\nwindow.createEngine = createEngine" : null),
  }
  const root = fileURLToPath(new URL('.', import.meta.url))
  const { output } = await build({
    ...SETTINGS,
    root,
    plugins: [page],
    build: { ...BUILD, write: false, rolldownOptions: { input: { page: 'virtual:page' } } },
  })
  const files = output.filter(({ fileName }) => fileName.endsWith('.js'))
  return Object.fromEntries(files.map((file) => [file.fileName, { text: textOf(file), first: isFirst(file) }]))
}

const textOf = ({ code, source }) => code ?? (typeof source === 'string' ? source : new TextDecoder().decode(source))

/** What a page with a worker downloads: the entry and the worker. The rest is for pages without one. */
function isFirst({ type, isEntry, fileName }) {
  return type === 'asset' ? /worker/.test(fileName) : isEntry
}
