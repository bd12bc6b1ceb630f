// Timing: alternating runs, medians and 95th percentiles.

/**
 * Runs each of `works` (name to function) once per round, in turn, so that
 * whatever else the machine does falls on all of them alike. A work is timed
 * over `batch` calls, where one is too short for the clock. Returns name to
 * milliseconds per call.
 */
export async function alternate(works, { rounds, warmup = 0, batch = 1, between = () => {} }) {
  const names = Object.keys(works)
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmup; round < rounds; round++) {
    // Who is first meets a cache that the other filled; so they take turns.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await between(round)
      const began = performance.now()
      for (let call = 0; call < batch; call++) await works[name]()
      const took = (performance.now() - began) / batch
      if (round >= 0) times[name].push(took)
    }
  }
  return times
}

/** The value that `share` of the numbers do not exceed: the smallest of them that will do. */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

/** One line of the result. `peer` names what ours stands beside, if anything; `theirs` may be missing. */
export function row(name, ours, peer, theirs) {
  const [ours_ms, peer_ms] = [quantile(ours, 0.5), theirs ? quantile(theirs, 0.5) : null]
  return {
    name,
    ours_ms: rounded(ours_ms),
    ours_p95_ms: rounded(quantile(ours, 0.95)),
    peer,
    peer_ms: rounded(peer_ms),
    peer_p95_ms: theirs ? rounded(quantile(theirs, 0.95)) : null,
    ratio: peer_ms === null ? null : rounded(ours_ms / peer_ms),
    runs: ours.length,
  }
}

/** The same as a further column of a row. */
export function beside(ours, peer, theirs) {
  const { peer_ms, peer_p95_ms, ratio, runs } = row('', ours, peer, theirs)
  return { peer, peer_ms, peer_p95_ms, ratio, runs }
}

/** A row of what the machine can do: `rate` in `unit`. */
export function limit(name, { times, rate, unit }) {
  return { ...row(name, times, null), rate: rounded(rate), unit }
}

/** One line of the table against a limit in milliseconds. */
export function against(name, ours, limit) {
  const ours_ms = quantile(ours, 0.5)
  return { ...row(name, ours, 'budget'), peer_ms: limit, ratio: rounded(ours_ms / limit) }
}

const rounded = (number) => (number === null ? null : Number(number.toPrecision(4)))
