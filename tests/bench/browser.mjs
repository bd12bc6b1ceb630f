// The benchmark in Chromium: `node tests/bench/browser.mjs [--out FILE]`, after `cargo xtask build`.

import { fileURLToPath } from 'node:url'
import { launch, visit } from '../packaging/chromium.mjs'
import { openSite } from '../packaging/site.mjs'
import { pages } from './bundle.mjs'
import { deliver, peerName, ROOT } from './files.mjs'
import { against, alternate, quantile, row } from './measure.mjs'
import { MODELS } from './shop.mjs'
import { longestTasks } from './tasks.mjs'

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
const LONG_TASK_MS = 50
const COLD_ROUNDS = 11
const VISITS = 5

const peer = peerName()
const built = await pages(['race', 'ours', 'theirs'])
const paths = ['www/public/catalogue.json', ...MODELS.map(({ path }) => path)]
const files = Object.fromEntries(paths.map((path) => [`/${path}`, fileURLToPath(new URL(path, ROOT))]))
const site = await openSite(built.folder, { policy: POLICY, files })
const browser = await launch()

async function open(page) {
  const { seen } = await visit(browser, `${site.url}/${page}`)
  if (seen.error) throw new Error(`${page}: ${seen.error}`)
  return seen
}

try {
  const { rows, notes, observed } = await open(`race.html?peer=${encodeURIComponent(peer)}`)
  const cold = { ours: [], theirs: [] }
  await alternate(
    {
      ours: async () => cold.ours.push((await open('ours.html')).took),
      theirs: async () => cold.theirs.push((await open('theirs.html')).took),
    },
    { rounds: COLD_ROUNDS, warmup: 1 },
  )
  // The first visits of the browser itself do not count.
  rows.push(row('cold_first_slate', cold.ours.slice(1), peer, cold.theirs.slice(1)))
  rows.push(against('observe', observed, 0.02))
  const longest = await longestTasks(browser, VISITS)
  rows.push(against('longest_main_thread_task', longest.busy, LONG_TASK_MS))
  console.error(`Chromium ${browser.version()}, medians; ${notes.join('; ')}.`)
  console.error('rank_1000: both on the main thread; ours makes the features, scores, orders and explains; the peer runs the model alone on ready inputs.')
  console.error('cold_first_slate: a fresh page each time, from navigation; ours starts a worker and reads 1,000 products; the server is on this machine.')
  console.error(
    `longest_main_thread_task: processor time of the longest task of each of ${VISITS} visits to the demo; the p95 is the worst visit. ` +
      `By the clock, which other programs lengthen: ${quantile(longest.wall, 0.5).toFixed(0)} ms.`,
  )
  deliver(rows)
} finally {
  await browser.close()
  await site.close()
  built.remove()
}
