// The native command beside the wasm builds it is compared with.

import { execFileSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

let built = false

/** Builds the command as `cargo test` has just built it, runs it with `--json` and gives what it prints. */
export function nearside(action, ...words) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const target = process.env.CARGO_TARGET_DIR || join(cache, 'nearside/target')
  const options = { cwd: root, env: { ...process.env, CARGO_TARGET_DIR: target }, stdio: ['ignore', 'pipe', 'inherit'] }
  // The whole workspace decides on the features of what is shared; another choice would compile tract again.
  const choice = ['--workspace', '--exclude', 'nearside-wasm', '--all-features', '--bin', 'nearside']
  if (!built) execFileSync(process.env.CARGO || 'cargo', ['build', '--quiet', '--locked', ...choice], options)
  built = true
  const binary = join(target, process.platform === 'win32' ? 'debug/nearside.exe' : 'debug/nearside')
  return JSON.parse(execFileSync(binary, [action, '--json', ...words], options))
}
