/**
 * From an address or bytes to a compiled WebAssembly module. Where that fails,
 * the error says which of a shop's usual obstacles it was.
 */

import { EngineError } from './errors.js'
import type { BuildName } from './protocol.js'

const PLACE_IT = (build: BuildName) =>
  `Serve the package's file nearside/wasm/${build} and pass its address as \`wasm.${build}\``

/** Whether a value has this built-in type; unlike `instanceof`, across realms. */
export function isTagged(value: unknown, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`
}

/** Compiles a build. Codes: `wasm-unavailable`, `wasm-blocked`. */
export async function compile(
  build: BuildName,
  source: string | URL | Response | BufferSource | WebAssembly.Module,
  signal?: AbortSignal,
): Promise<WebAssembly.Module> {
  if (isModule(source)) return source
  if (isBytes(source)) return compileBytes(build, source, undefined)

  const response = isResponse(source) ? source : await request(build, source, signal)
  const address = response.url || undefined
  if (!response.ok) {
    throw unavailable(build, `the server answered ${response.status}`, address, PLACE_IT(build))
  }
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/wasm')) {
    try {
      return await WebAssembly.compileStreaming(response)
    } catch (cause) {
      throw diagnose(build, cause, address)
    }
  }
  // Any other type forbids streaming but not compiling: many hosts do not know .wasm.
  let bytes: ArrayBuffer
  try {
    bytes = await response.arrayBuffer()
  } catch (cause) {
    throw unavailable(build, 'the download broke off', address, 'Try again', cause)
  }
  return compileBytes(build, bytes, address)
}

async function request(build: BuildName, source: string | URL, signal?: AbortSignal) {
  try {
    return await fetch(source, { credentials: 'same-origin', ...(signal && { signal }) })
  } catch (cause) {
    throw unavailable(
      build,
      'it could not be fetched',
      String(source),
      `Allow its address in the page's CSP \`connect-src\`, or pass the bytes as \`wasm.${build}\``,
      cause,
    )
  }
}

async function compileBytes(build: BuildName, bytes: BufferSource, address: string | undefined) {
  try {
    return await WebAssembly.compile(bytes)
  } catch (cause) {
    if (firstByte(bytes) === 0x3c) {
      throw unavailable(
        build,
        'the server answered with a page of HTML',
        address,
        `${PLACE_IT(build)}; in Vite, \`optimizeDeps: { exclude: ['nearside'] }\` also does`,
        cause,
      )
    }
    throw diagnose(build, cause, address)
  }
}

function diagnose(build: BuildName, cause: unknown, address: string | undefined): EngineError {
  if (wasmIsForbidden()) {
    return new EngineError('wasm-blocked', "the page's Content Security Policy forbids WebAssembly", {
      field: 'script-src',
      remedy: "Add 'wasm-unsafe-eval' to the policy's `script-src`",
      cause,
    })
  }
  return unavailable(
    build,
    'this browser cannot compile it',
    address,
    'Check that the file is complete, and that the browser has WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4)',
    cause,
  )
}

/** Tries the smallest module there is, because browsers word the refusal differently. */
function wasmIsForbidden(): boolean {
  try {
    new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    return false
  } catch {
    return true
  }
}

function unavailable(
  build: BuildName,
  why: string,
  address: string | undefined,
  remedy: string,
  cause?: unknown,
): EngineError {
  return new EngineError('wasm-unavailable', `the ${build} wasm build is unavailable: ${why}`, {
    field: `wasm.${build}`,
    value: address,
    remedy,
    cause,
  })
}

function firstByte(bytes: BufferSource): number | undefined {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)[0]
    : new Uint8Array(bytes)[0]
}

const isModule = (value: unknown): value is WebAssembly.Module =>
  isTagged(value, 'WebAssembly.Module')
const isBytes = (value: unknown): value is BufferSource =>
  ArrayBuffer.isView(value) || isTagged(value, 'ArrayBuffer')
const isResponse = (value: unknown): value is Response => isTagged(value, 'Response')
