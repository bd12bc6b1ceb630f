/**
 * Whether WebAssembly here has the relaxed vector instruction with which the
 * compact build scans a large catalogue faster. Used as it is there, its
 * answers are exact, so that both builds give the same slates.
 */

/**
 * A module whose one function gives `i32x4.relaxed_dot_i8x16_i7x16_add_s` of
 * the numbers furthest from zero, -128 and 127, and of 5.
 */
const PROBE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7f],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
  ...[10, 24, 1, 22, 0, 0x41, 0x80, 0x7f, 0xfd, 0x0f, 0x41, 0xff, 0, 0xfd, 0x0f, 0x41, 5, 0xfd, 0x11],
  ...[0xfd, 0x93, 2, 0xfd, 0x1b, 0, 0x0b],
)

const EXACT = 4 * -128 * 127 + 5

/** Asks for the answer too: V8 11.3 loses the last number where a function is not hot yet. */
export function hasRelaxedSimd(): boolean {
  try {
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(PROBE)).exports
    return typeof f === 'function' && f() === EXACT
  } catch {
    return false
  }
}
