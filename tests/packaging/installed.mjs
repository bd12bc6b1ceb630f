// The package as a customer gets it: packed, and installed in an empty folder.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const pkg = fileURLToPath(new URL('../../pkg', import.meta.url))

/** Packs and installs; returns the folder, the names in the tarball, and a way to make apps that have the package. */
export async function install() {
  const folder = await mkdtemp(join(tmpdir(), 'nearside-packed-'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: pkg })
  const packed = JSON.parse(stdout)
  const [{ filename, files }] = Array.isArray(packed) ? packed : Object.values(packed)
  const tarball = join(folder, filename)
  return {
    folder,
    tarball,
    files: files.map(({ path }) => path),
    /** A new folder with a copy of `fixture` and the installed package. */
    async app(name, fixture) {
      const app = join(folder, name)
      await mkdir(app)
      if (fixture) await cp(join(here, fixture), app, { recursive: true })
      await writeFile(join(app, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
      await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: app })
      return app
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
