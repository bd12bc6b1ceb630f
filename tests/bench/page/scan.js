// A ranking of a large catalogue, measured inside a page: `scan.html?row=NAME`.
import { builds, scan } from '../scans.mjs'

const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer())

async function measure(name) {
  const opened = await builds('/wasm/compact/nearside_compact.js', (build) => bytes(`/wasm/${build}/nearside_${build}_bg.wasm`))
  return scan(name, opened, (file) => bytes(`/scan/${file}`))
}

measure(new URLSearchParams(location.search).get('row')).then(
  (result) => (window.seen = result),
  (error) => (window.seen = { error: String(error?.stack ?? error) }),
)
