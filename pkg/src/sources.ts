/**
 * From what a caller hands over to bytes of our own.
 */

import { isTagged } from './compile.js'
import type { Source } from './engine.js'
import { EngineError } from './errors.js'
import type { Catalogue, Manifest } from './types.js'

/** Most values of one event or request that are copied; the longest list the engine reads needs a quarter. */
const VALUE_LIMIT = 20_000
/** An item's field within a data layer's `ecommerce.items` lies four levels down. */
const DEPTH_LIMIT = 6

/** The bytes of a model, catalogue, delta or snapshot. Codes: `load-failed`, `invalid-field`, `invalid-json`. */
export async function bytesOf(
  what: string,
  source: Source | Catalogue,
  read: (url: URL) => Promise<Uint8Array | Response>,
): Promise<Uint8Array> {
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
  }
  if (isBuffer(source)) return new Uint8Array(source.slice(0))
  if (isResponse(source)) return body(what, source)
  if (typeof source === 'string' || isTagged(source, 'URL')) {
    return download(what, String(source), read)
  }
  if (what === 'catalogue' && typeof source === 'object' && source !== null) {
    try {
      return new TextEncoder().encode(JSON.stringify(source))
    } catch (cause) {
      throw new EngineError('invalid-json', `the catalogue cannot be written as JSON: ${cause}`, {
        field: what,
        remedy: 'Give plain data without cycles',
        cause,
      })
    }
  }
  throw new EngineError('invalid-field', `\`${what}\` cannot be ${source}`, {
    field: what,
    value: String(source),
    remedy: 'Give bytes, an address or a Response',
  })
}

/** A catalogue's files: one, or a manifest and the shards to load. */
export interface CatalogueFiles {
  bytes: Uint8Array
  shards: Uint8Array[]
}

/** How a manifest begins; a catalogue's JSON never does. */
const MANIFEST = /^\s*\{\s*"manifest"/

/** Fetches a catalogue and, where it is a manifest, as many of its shards as hold `maxAds` products. */
export async function catalogueOf(
  source: Source | Catalogue,
  read: (url: URL) => Promise<Uint8Array | Response>,
  maxAds = Number.POSITIVE_INFINITY,
): Promise<CatalogueFiles> {
  const bytes = await bytesOf('catalogue', source, read)
  if (!MANIFEST.test(new TextDecoder().decode(bytes.subarray(0, 64)))) return { bytes, shards: [] }
  const address = isResponse(source) ? source.url : source
  if (typeof address !== 'string' && !isTagged(address, 'URL')) {
    throw new EngineError('invalid-field', '`catalogue` is a manifest without an address', {
      field: 'catalogue',
      remedy: 'Pass its address, so that its shards are found beside it',
    })
  }
  let left = maxAds
  // The first shard is more than its products: no catalogue is without it.
  const wanted = manifestOf(bytes).filter(({ ads }, index) => {
    const wants = index === 0 || left > 0
    left -= ads
    return wants
  })
  const base = new URL(String(address), globalThis.document?.baseURI)
  const shards = wanted.map(({ file }) => download('shard', new URL(file, base).href, read))
  return { bytes, shards: await Promise.all(shards) }
}

function manifestOf(bytes: Uint8Array): Manifest['shards'] {
  let cause: unknown
  try {
    const { shards } = JSON.parse(new TextDecoder().decode(bytes)) as Manifest
    if (shards.length > 0 && shards.every(({ file, ads }) => typeof file === 'string' && ads > 0)) return shards
  } catch (error) {
    cause = error
  }
  throw new EngineError('invalid-field', '`shards` of the manifest cannot be read', {
    field: 'shards',
    remedy: 'Write the manifest again with `nearside catalogue build`',
    cause,
  })
}

async function download(
  what: string,
  address: string,
  read: (url: URL) => Promise<Uint8Array | Response>,
): Promise<Uint8Array> {
  let found: Uint8Array | Response
  try {
    found = await read(new URL(address, globalThis.document?.baseURI))
  } catch (cause) {
    throw failed(what, 'could not be fetched', address, 'Check the address, and the CSP of the page', cause)
  }
  return isResponse(found) ? body(what, found) : found
}

async function body(what: string, response: Response): Promise<Uint8Array> {
  const { url } = response
  if (!response.ok) {
    throw failed(what, `could not be fetched: the server answered ${response.status}`, url, 'Check the address')
  }
  // A shop with client-side routes answers every wrong address with its start page.
  if (response.headers.get('content-type')?.startsWith('text/html')) {
    throw failed(what, 'could not be fetched: the server answered with a page of HTML', url, 'Check the address')
  }
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    throw failed(what, 'could not be read to its end', url, 'Give a Response that nobody has read; or try again', cause)
  }
}

function failed(what: string, why: string, value: string, remedy: string, cause?: unknown) {
  return new EngineError('load-failed', `the ${what} ${why}`, { field: what, value, remedy, cause })
}

/**
 * A copy of an event or request, with what JSON can carry. A data layer's
 * entries also hold functions and page elements, which a worker cannot be
 * sent, and the page may change them before their turn comes.
 */
export function plainCopy(value: unknown): unknown {
  let left = VALUE_LIMIT
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value === 'function' || typeof value === 'symbol') return undefined
    if (typeof value !== 'object' || value === null) return value
    if (depth === 0 || left-- <= 0) return undefined
    if (Array.isArray(value)) return value.map((entry) => copy(entry, depth - 1))
    if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON()
    const fields: Record<string, unknown> = {}
    for (const [key, field] of Object.entries(value)) {
      if (left-- <= 0) break
      if (key !== '__proto__') fields[key] = copy(field, depth - 1)
    }
    return fields
  }
  return copy(value, DEPTH_LIMIT)
}

const isBuffer = (value: unknown): value is ArrayBuffer => isTagged(value, 'ArrayBuffer')
const isResponse = (value: unknown): value is Response => isTagged(value, 'Response')
