// The files that a first slate from cold is made of.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './files.mjs'
import { CONTESTS, MANY } from './shop.mjs'

/**
 * By the name of the row: paths of `catalogue` and `model`, the `placement` to
 * fill, and how many `ads` compete. `remove` deletes the `folder` of what was written.
 */
export async function firstSlates() {
  const folder = mkdtempSync(join(tmpdir(), 'nearside-cold-'))
  const { catalogue, bytes } = await CONTESTS.rank_10000_towers.make()
  const written = (name, content) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const committed = (path) => fileURLToPath(new URL(path, ROOT))
  return {
    folder,
    shops: {
      cold_first_slate: {
        catalogue: committed('www/public/catalogue.json'),
        model: committed('www/public/model.onnx'),
        placement: 'picks',
        ads: 1000,
      },
      cold_first_slate_10000: {
        catalogue: written('catalogue.json', JSON.stringify(catalogue)),
        model: written('model.onnx', bytes),
        placement: 'bench',
        ads: MANY,
      },
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
