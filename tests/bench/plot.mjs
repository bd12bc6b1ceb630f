// Time and memory over the number of ads, as an SVG: ours beside the peer, both axes in powers of ten.

import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const [WIDTH, HEIGHT] = [860, 360]
const PANEL = { top: 64, bottom: 300, width: 290 }

/** Readable on light and on dark ground, and by those who tell red and green apart badly. */
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 14px; font-weight: 600 }
.quiet { fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.ours { stroke: #0969da; fill: #0969da }
.theirs { stroke: #bc4c00; fill: #bc4c00 }
text.ours, text.theirs { stroke: none }
path { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .ours { stroke: #58a6ff; fill: #58a6ff }
  .theirs { stroke: #f0883e; fill: #f0883e }
}`

/** Writes the plot of the rows that have a number of ads; `where` is the platform they were measured on. */
export function writePlot(file, rows, where) {
  const [{ model }] = cpus()
  const { peer } = rows.find(({ ads }) => ads)
  const place = `${where}, ${cpus().length} cores of ${model.trim()}; ${peer} on one thread, the model alone`
  writeFileSync(file, plot(rows.filter(({ ads }) => ads), place))
}

/** The SVG of rows as scale.mjs makes them; `place` says where they were measured. */
export function plot(rows, place) {
  const peer = rows[0].peer
  const points = (value) => rows.filter((row) => value(row) > 0).map((row) => [row.ads, value(row)])
  const mebibytes = (field) => (row) => row[field] / 2 ** 20
  const panels = [
    panel(70, 'Milliseconds for a slate, median', points((row) => row.ours_ms), points((row) => row.peer_ms), peer),
    panel(500, 'MiB of WebAssembly memory', points(mebibytes('ours_bytes')), points(mebibytes('peer_bytes')), peer),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>Time and memory over the number of ads</title><style>${STYLE}</style>`,
    text(70, 22, 'Two towers over all ads of a catalogue', 'title'),
    text(WIDTH / 2, HEIGHT - 8, escaped(place), 'quiet', 'middle'),
    ...panels,
    '</svg>\n',
  ].join('\n')
}

function panel(left, title, ours, theirs, peer) {
  const all = [...ours, ...theirs]
  const [across, up] = [powers(all.map(([ads]) => ads)), powers(all.map(([, value]) => value))]
  const x = (ads) => left + share(ads, across) * PANEL.width
  const y = (value) => PANEL.bottom - share(value, up) * (PANEL.bottom - PANEL.top)
  const right = left + PANEL.width
  const line = (x1, y1, x2, y2) => `<line class="grid" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
  return [
    text(left, PANEL.top - 18, title),
    ...up.map((power) => line(left, round(y(10 ** power)), right, round(y(10 ** power))) + text(left - 8, y(10 ** power) + 4, words(power), 'quiet', 'end')),
    ...across.map((power) => line(round(x(10 ** power)), PANEL.top, round(x(10 ** power)), PANEL.bottom) + text(x(10 ** power), PANEL.bottom + 18, words(power), 'quiet', 'middle')),
    text(left + PANEL.width / 2, PANEL.bottom + 36, 'ads', 'quiet', 'middle'),
    series('ours', 'Nearside', ours, theirs, x, y),
    series('theirs', escaped(peer.replace(/ .*/, '')), theirs, ours, x, y),
  ].join('\n')
}

/** A line with its name at the end, on the side where the other line is not. */
function series(name, label, points, others, x, y) {
  const places = points.map(([ads, value]) => [round(x(ads)), round(y(value))])
  const [lastX, lastY] = places.at(-1)
  const below = points.at(-1)[1] < others.at(-1)[1]
  return [
    `<path class="${name}" d="M${places.map((place) => place.join(' ')).join('L')}"/>`,
    ...places.map(([cx, cy]) => `<circle class="${name}" cx="${cx}" cy="${cy}" r="3"/>`),
    text(lastX, lastY + (below ? 20 : -10), label, name, 'end'),
  ].join('\n')
}

/** The powers of ten around these numbers: at least two. */
export function powers(numbers) {
  const [first, last] = [Math.floor(Math.log10(Math.min(...numbers))), Math.ceil(Math.log10(Math.max(...numbers)))]
  return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => first + i)
}

/** Where a number lies between the first and the last power, from 0 to 1. */
export const share = (number, powers) => (Math.log10(number) - powers[0]) / (powers.at(-1) - powers[0])

const words = (power) => (10 ** power).toLocaleString('en', { maximumFractionDigits: 6 })
const round = (number) => Number(number.toFixed(1))
const escaped = (words) => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const text = (x, y, words, name, anchor) =>
  `<text x="${round(x)}" y="${round(y)}"${name ? ` class="${name}"` : ''}${anchor ? ` text-anchor="${anchor}"` : ''}>${words}</text>`
