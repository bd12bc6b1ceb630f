// Placeholder pictures, drawn from what the catalogue says: the department gives the background's
// hue, the kind of product the drawing, the colour in the title the drawing's body, and the product's
// id the pattern behind it. The same product always looks the same.

import { COVERS, GLYPHS, glyphFor, type Glyph } from './glyphs'
import { leaf, type Product } from './catalogue'

const SVG = 'http://www.w3.org/2000/svg'

/** Hues in degrees (OKLCH), apart enough for neighbours in the navigation to differ. */
const HUES: Readonly<Record<string, number>> = {
  'Musical Instruments': 38,
  Appliances: 225,
  'Video Games': 300,
  'Car Electronics & GPS': 258,
  'Connected Home & Housewares': 145,
  'Cell Phones': 195,
  'Computers & Tablets': 245,
  'TV & Home Theater': 275,
  Audio: 12,
  'Cameras & Camcorders': 85,
  'Health, Fitness & Beauty': 340,
  'Toys, Games & Drones': 65,
}

/** Colour words of titles, as classes that the style sheet paints. The first word found wins. */
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/stainless|silver|chrome|aluminum|nickel|platinum/i, 'silver'],
  [/gr[ae]y|graphite|gunmetal|titanium|slate/i, 'grey'],
  [/black|ebony/i, 'black'],
  [/white|clear|ivory|pearl/i, 'white'],
  [/red|crimson|merlot|burgundy|cherry/i, 'red'],
  [/pink|fuchsia|magenta|rose/i, 'pink'],
  [/purple|violet|plum|lavender/i, 'purple'],
  [/blue|navy|teal|turquoise|aqua|cyan/i, 'blue'],
  [/green|lime|mint/i, 'green'],
  [/orange|coral|copper/i, 'orange'],
  [/yellow|gold|brass|bronze/i, 'gold'],
  [/brown|walnut|oak|wood|espresso|bisque|tan|beige/i, 'brown'],
]

/** Things whose colour is not the title's last word but the cover's. */
const COVERED: ReadonlySet<Glyph> = new Set<Glyph>([...COVERS, 'notes'])

/** FNV-1a: spreads ids over patterns, stable between visits. */
function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The hue of a department's pictures, in degrees. */
export function hue(department: string): number {
  return HUES[department] ?? spread(department) % 360
}

function svg(name: string, attributes: Readonly<Record<string, string | number>>, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  element.append(...children)
  return element
}

let parsed: Map<string, readonly Node[]> | undefined

/** The drawings as nodes to clone; parsed once, when the first picture needs them. */
function drawing(name: string): Node[] {
  if (parsed === undefined) {
    const markup = Object.entries(GLYPHS).map(([glyph, shapes]) => `<g data-glyph="${glyph}">${shapes}</g>`)
    const file = new DOMParser().parseFromString(`<svg xmlns="${SVG}">${markup.join('')}</svg>`, 'image/svg+xml')
    parsed = new Map([...file.documentElement.children].map((group) => [group.getAttribute('data-glyph') ?? '', [...group.childNodes]]))
  }
  return (parsed.get(name) ?? []).map((node) => document.importNode(node, true))
}

function backdrop(seed: number): SVGElement {
  const x = 30 + (seed % 100)
  const y = 20 + ((seed >>> 7) % 80)
  switch ((seed >>> 3) % 5) {
    case 0:
      return svg('circle', { class: 'back', cx: x, cy: y, r: 52 })
    case 1:
      return svg('circle', { class: 'back-line', cx: x, cy: y, r: 58 })
    case 2:
      return svg('path', { class: 'back', d: `M-10 ${y + 30} 170 ${y - 34}V130H-10z` })
    case 3:
      return svg('path', { class: 'back', d: `M${x} -10h46L${x - 24} 130h-46z` })
    default:
      return svg('g', {}, svg('circle', { class: 'back', cx: x, cy: y, r: 30 }), svg('circle', { class: 'back', cx: 160 - x, cy: 120 - y, r: 44 }))
  }
}

function initials(product: Product): string {
  const words = product.name.replace(/[^\p{L}\p{N} ]/gu, ' ').split(/\s+/).filter((word) => word !== '' && !/^(the|of|and|a|for|to)$/i.test(word))
  return words.slice(0, 2).map((word) => word[0]?.toUpperCase() ?? '').join('')
}

/** Draws a product. Decorative: the product's name always stands beside it. */
export function picture(product: Product): SVGElement {
  const seed = spread(product.id)
  const glyph = glyphFor(product.path.join(' > '), product.title)
  const tint = COLOURS.find(([word]) => word.test(product.variant))?.[1]
  const body = svg('g', { class: 'glyph', transform: 'translate(41.6 24.6) scale(1.2)' }, ...drawing(glyph))
  if (COVERS.has(glyph)) {
    const text = svg('text', { class: 'initials', x: glyph === 'disc' ? 32 : 36, y: glyph === 'disc' ? 42 : 33, 'text-anchor': 'middle' })
    text.textContent = initials(product)
    body.append(text)
  }
  const look = COVERED.has(glyph) ? ' cover' : tint === undefined ? '' : ` tint-${tint}`
  const frame = svg('svg', { class: `picture${look}`, viewBox: '0 0 160 120', 'aria-hidden': 'true', focusable: 'false' })
  frame.style.setProperty('--hue', String(hue(product.path[0] ?? '') + ((seed >>> 11) % 17) - 8))
  frame.style.setProperty('--cover', String((seed >>> 5) % 360))
  frame.append(svg('rect', { class: 'ground', width: 160, height: 120 }), backdrop(seed), body)
  return frame
}

/** Draws a department: the drawing of the kind it holds most of. */
export function emblem(products: readonly Product[], department: string): SVGElement {
  const tally = new Map<string, number>()
  for (const product of products) {
    const glyph = glyphFor(product.path.join(' > '), leaf(product.path))
    tally.set(glyph, (tally.get(glyph) ?? 0) + 1)
  }
  const [glyph] = [...tally].sort((a, b) => b[1] - a[1])[0] ?? ['box']
  const frame = svg('svg', { class: 'emblem', viewBox: '0 0 64 64', 'aria-hidden': 'true', focusable: 'false' })
  frame.style.setProperty('--hue', String(hue(department)))
  frame.append(svg('g', { class: 'glyph' }, ...drawing(glyph)))
  return frame
}
