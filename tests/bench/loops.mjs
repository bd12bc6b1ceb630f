// A WebAssembly module with two loops, written byte by byte, for limits.mjs.
//
// Both loops keep several independent chains going, so that what is measured
// is how much the processor can take and not how long one operation takes. A
// multiply-add is a product and a sum on 128 bits, as SIMD without the relaxed
// operations has it.

const VECTOR = 16
/** Loads between two looks at the loop's condition. */
const LOADS = 8

/** Bytes that one turn of `read` reads. */
export const READ = LOADS * VECTOR

/** Numbers in a vector. */
export const LANES = 4

/** Chains of `multiply`: with two constants, all 16 registers of x86-64 but two. */
export const TERMS = 12

/**
 * The module's bytes. It exports `memory`, `read(from, to)` for a multiple of
 * `READ` bytes, and `multiply(turns)`, each of `TERMS` vectors. Both give a
 * number that depends on every vector, so that none can be left out.
 */
export function module() {
  const [I32, F32, V128, VOID] = [0x7f, 0x7d, 0x7b, 0x40]
  const get = (local) => [0x20, ...number(local)]
  const set = (local) => [0x21, ...number(local)]
  const simd = (code) => [0xfd, ...number(code)]
  const i32 = (value) => [0x41, ...number(value)]
  const loop = (body, condition) => [0x03, VOID, ...body, ...condition, 0x0d, 0, 0x0b]
  const add = (local, value) => [...get(local), ...i32(value), 0x6a, ...set(local)]
  const splat = (value) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer), ...simd(0x13)]
  const [LOAD, XOR, MULTIPLY, ADD, I32_LANE, F32_LANE] = [0x00, 0x51, 0xe6, 0xe4, 0x1b, 0x1f]
  /** One byte of the signed LEB128. */
  const MINUS_ONE = 0x7f
  const chains = (first, count) => Array.from({ length: count }, (_, i) => first + i)
  /** All of them combined, in front of the first. */
  const joined = (locals, operation) => [...get(locals[0]), ...locals.slice(1).flatMap((local) => [...get(local), ...simd(operation)])]

  const sums = chains(2, LOADS)
  const load = (local, i) => [...get(local), ...get(0), ...simd(LOAD), 4, ...number(i * VECTOR), ...simd(XOR), ...set(local)]
  const read = [
    ...loop([...sums.flatMap(load), ...add(0, READ)], [...get(0), ...get(1), 0x49]),
    ...joined(sums, XOR), ...simd(I32_LANE), 0,
  ]

  const terms = chains(1, TERMS)
  const [factor, summand] = [TERMS + 1, TERMS + 2]
  // x = x / 2 + 1 stays between 1 and 2: neither infinite nor denormal.
  const term = (local) => [...get(local), ...get(factor), ...simd(MULTIPLY), ...get(summand), ...simd(ADD), ...set(local)]
  const multiply = [
    ...splat(0.5), ...set(factor), ...splat(1), ...set(summand),
    ...loop([...terms.flatMap(term), ...add(0, MINUS_ONE)], get(0)),
    ...joined(terms, ADD), ...simd(F32_LANE), 0,
  ]

  const body = (vectors, code) => sized([...list([[...number(vectors), V128]]), ...code, 0x0b])
  const section = (id, content) => [id, ...sized(content)]
  const named = (name, kind, index) => [...sized([...new TextEncoder().encode(name)]), kind, index]
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, list([[0x60, 2, I32, I32, 1, I32], [0x60, 1, I32, 1, F32]])),
    ...section(3, list([[0], [1]])),
    ...section(5, list([[0, 1]])),
    ...section(7, list([named('memory', 2, 0), named('read', 0, 0), named('multiply', 0, 1)])),
    ...section(10, list([body(LOADS, read), body(TERMS + 2, multiply)])),
  ])
}

const list = (entries) => [...number(entries.length), ...entries.flat()]
const sized = (bytes) => [...number(bytes.length), ...bytes]

/** LEB128 of a whole number that is not negative. */
function number(value) {
  const bytes = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return [...bytes, value]
}
