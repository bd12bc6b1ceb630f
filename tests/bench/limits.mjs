// What WebAssembly can do at most on this machine: bytes read, and multiply-adds.

import { LANES, module, READ, TERMS } from './loops.mjs'
import { alternate, quantile } from './measure.mjs'

const RUNS = 15

const PAGE = 65_536
/** Some hundred million multiply-adds. */
const TURNS = 2_000_000

const loops = new WebAssembly.Instance(new WebAssembly.Module(module())).exports

/** What the row `wasm_read` is made of: 64 MiB, more than caches hold. */
export async function reading() {
  const bytes = 64 * 2 ** 20
  const times = await timesOf(reader(bytes))
  return { times, rate: bytes / quantile(times, 0.5) / 1e6, unit: 'GB/s' }
}

/** What the row `wasm_multiply_add` is made of. */
export async function multiplying() {
  const count = TURNS * TERMS * LANES
  const times = await timesOf(() => loops.multiply(TURNS))
  return { times, rate: count / quantile(times, 0.5) / 1e6, unit: 'G multiply-adds/s' }
}

/**
 * How far a ranking is from what the machine can do: the multiply-adds of an
 * ad that cannot be computed beforehand, the share of the SIMD peak at which
 * they were done, and the least time that they and the reading of what was
 * computed beforehand can take.
 */
export async function distance(network, ads, took) {
  const [peak, read] = [await multiplying(), await timesOf(reader(network.reads * 4 * ads), 20)]
  const adding = (network.rest * ads) / (peak.rate * 1e6)
  return {
    multiply_adds_per_ad: network.whole,
    multiply_adds_left_per_ad: network.rest,
    bytes_read_per_ad: network.reads * 4,
    peak_share: Number((adding / took).toPrecision(3)),
    limit_ms: Number(Math.max(adding, quantile(read, 0.5)).toPrecision(4)),
  }
}

async function timesOf(work, batch = 1) {
  return (await alternate({ work }, { rounds: RUNS, warmup: 3, batch })).work
}

/** A plain read of so many bytes, rounded up to what one turn of the loop reads. */
export function reader(bytes) {
  const end = Math.ceil(bytes / READ) * READ
  const missing = end - loops.memory.buffer.byteLength
  if (missing > 0) loops.memory.grow(Math.ceil(missing / PAGE))
  // Pages never written are all one page of zeros to the system, and would be read from the cache.
  new Uint8Array(loops.memory.buffer, 0, end).fill(1)
  return () => loops.read(0, end)
}
