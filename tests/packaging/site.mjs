// A static server for one folder, with a Content Security Policy and a list of what was asked for.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.onnx': 'application/octet-stream',
}

/**
 * Serves `root`, which the site's addresses cannot leave. `files` are further
 * files by their address; one that is `null` is never answered. `headers` go
 * with every answer.
 */
export async function openSite(root, { policy, files = {}, headers = {} } = {}) {
  const asked = []
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://site').pathname))
    asked.push(path)
    if (files[path] === null) return
    const file = files[path] ?? join(root, path.endsWith('/') ? `${path}index.html` : path)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      ...(policy && { 'content-security-policy': policy }),
      ...headers,
    })
    createReadStream(file).pipe(response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Paths in the order they were asked for. */
    asked,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}
