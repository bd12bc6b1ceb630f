// The benchmark in Chromium: `node tests/bench/browser.mjs [--out FILE] [--rows NAME,...] [--plot FILE]`, after `cargo xtask build`.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch, visit } from '../packaging/chromium.mjs'
import { openSite } from '../packaging/site.mjs'
import { pages } from './bundle.mjs'
import { withCatalogueOf } from './catalogues.mjs'
import { compiled } from './compiled.mjs'
import { deliver, options, ROOT, versioned } from './files.mjs'
import { firstSlates } from './first.mjs'
import { against, alternate, quantile, row } from './measure.mjs'
import { writePlot } from './plot.mjs'
import { collect } from './rows.mjs'
import { SCALE, scaleRow } from './scale.mjs'
import { SCANS } from './scans.mjs'
import { CONTESTS, MODELS } from './shop.mjs'
import { longestTasks } from './tasks.mjs'

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
/** With these a page may share memory between threads. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
const THREADS = 2
const LONG_TASK_MS = 50
const COLD_ROUNDS = 11
const VISITS = 5
/** The slowest row takes minutes. */
const PATIENCE_MS = 600_000

const asked = options()
const peer = versioned('onnxruntime-web')
const tensorflow = versioned('@tensorflow/tfjs-backend-wasm')
const built = await pages(['race', 'scale', 'scan', 'ours', 'theirs'])
const first = await firstSlates()
const paths = ['www/public/catalogue.json', ...MODELS.map(({ path }) => path)]
const files = Object.fromEntries(paths.map((path) => [`/${path}`, fileURLToPath(new URL(path, ROOT))]))
for (const [name, { catalogue, model }] of Object.entries(first.shops)) {
  Object.assign(files, { [`/${name}/catalogue.json`]: catalogue, [`/${name}/model.onnx`]: model })
}
const site = await openSite(built.folder, { policy: POLICY, files })
const isolated = await openSite(built.folder, { policy: POLICY, files, headers: ISOLATED })
const browser = await launch()

async function open(page, query, { at = site, slowdown } = {}) {
  const url = `${at.url}/${page}?${new URLSearchParams(query)}`
  const { seen, printed } = await visit(browser, url, { timeout: PATIENCE_MS, slowdown })
  // onnxruntime goes on without a thread that failed, and says so only here.
  const failed = printed.find((line) => line.includes('worker sent an error'))
  if (failed) throw new Error(`${page}: ${failed}`)
  if (seen.error) throw new Error(`${page}: ${seen.error}`)
  return seen
}

/** One point of the plot. The clock of an isolated page is fine enough to time one ranking. */
const pointInPage = (who, ads) => open('scale.html', { who, ads }, { at: isolated })

const inPage = (name) => open('race.html', { row: name, peer, tensorflow })

async function ranking(name) {
  await compileFor(name)
  const measured = await inPage(name)
  if (CONTESTS[name].network) {
    const { row } = await open('race.html', { row: name, peer: `${peer}, ${THREADS} threads`, threads: THREADS }, { at: isolated })
    const { peer: threaded, peer_ms, peer_p95_ms, ratio, runs } = row
    measured.row.others.push({ peer: threaded, peer_ms, peer_p95_ms, ratio, runs })
  }
  return measured
}

/** Puts the compiled file of a network where its page looks for it. */
async function compileFor(name) {
  const { network, make } = CONTESTS[name]
  if (!network) return
  const path = join(first.folder, `${name}.onnx`)
  writeFileSync(path, compiled((await make()).bytes))
  files[`/compiled/${name}.onnx`] = path
}

/** In an isolated page, whose clock is fine enough. The script is not bundled: the page loads it once for each build. */
function scanning(name) {
  return withCatalogueOf(name, async (folder) => {
    for (const file of readdirSync(folder)) files[`/scan/${file}`] = join(folder, file)
    for (const path of ['compact/nearside_compact.js', 'compact/nearside_compact_bg.wasm', 'relaxed/nearside_relaxed_bg.wasm']) {
      files[`/wasm/${path}`] = fileURLToPath(new URL(`pkg/dist/wasm/${path}`, ROOT))
    }
    return open('scan.html', { row: name }, { at: isolated })
  })
}

/** `slowdown` slows a page's main thread, and no worker: so then ours runs there too. */
async function coldFirstSlate(name, shop, slowdown) {
  const { placement, ads } = first.shops[shop]
  const query = { catalogue: `/${shop}/catalogue.json`, model: `/${shop}/model.onnx`, placement, ads, ...(slowdown && { main: '' }) }
  const cold = { ours: [], theirs: [] }
  const once = (who) => async () => cold[who].push((await open(`${who}.html`, query, { slowdown })).took)
  await alternate({ ours: once('ours'), theirs: once('theirs') }, { rounds: COLD_ROUNDS, warmup: 1 })
  const ours = slowdown ? `runs on the main thread, which is slowed ${slowdown} times` : 'starts a worker'
  const note = `${name}: a fresh page each time, from navigation; ours ${ours} and reads ${ads} products; the server is on this machine.`
  // The first visits of the browser itself do not count.
  return { row: row(name, cold.ours.slice(1), peer, cold.theirs.slice(1)), note }
}

async function longestTask() {
  const longest = await longestTasks(browser, VISITS)
  const note =
    `longest_main_thread_task: processor time of the longest task of each of ${VISITS} visits to the demo; the p95 is the worst visit. ` +
    `By the clock, which other programs lengthen: ${quantile(longest.wall, 0.5).toFixed(0)} ms.`
  return { row: against('longest_main_thread_task', longest.busy, LONG_TASK_MS), note }
}

const measures = {
  ...Object.fromEntries(Object.keys(CONTESTS).map((name) => [name, () => ranking(name)])),
  ...Object.fromEntries(Object.keys(first.shops).map((name) => [name, () => coldFirstSlate(name, name)])),
  cold_first_slate_10000_slow: () => coldFirstSlate('cold_first_slate_10000_slow', 'cold_first_slate_10000', 4),
  ...Object.fromEntries(['observe', 'wasm_read', 'wasm_multiply_add'].map((name) => [name, () => inPage(name)])),
  ...Object.fromEntries(Object.keys(SCANS).map((name) => [name, () => scanning(name)])),
  longest_main_thread_task: longestTask,
}

const scales = Object.fromEntries(SCALE.map((ads) => [`scale_${ads}`, () => scaleRow(ads, pointInPage, peer)]))

try {
  console.error(`Chromium ${browser.version()}, medians; all engines of a ranking on the main thread.`)
  console.error('rank_*: ours makes the features, scores, orders and explains; the others run the model alone on ready inputs.')
  console.error('rank_10000_*: our engines run what `nearside compile` makes of the file that onnxruntime-web runs.')
  const rows = await collect(measures, asked.rows, asked.plot ? scales : {})
  if (asked.plot) writePlot(asked.plot, rows, `Chromium ${browser.version()}`)
  deliver(rows, asked.out)
} finally {
  await browser.close()
  await Promise.all([site.close(), isolated.close()])
  built.remove()
  first.remove()
}
