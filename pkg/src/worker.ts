/**
 * The worker's script: answers calls by message, in order.
 */

import { EngineError } from './errors.js'
import { Host } from './host.js'
import type { FromWorker, ToWorker } from './protocol.js'
import { openBuild } from './wasm.js'

let host: Promise<Host> | undefined

async function answer(message: ToWorker): Promise<unknown> {
  if ('start' in message) {
    const { start } = message
    host = Host.start((build) => openBuild(build, start[build]))
    await host
    return undefined
  }
  if (!host) throw new EngineError('internal', 'the worker was called before it was started')
  const running = await host
  if ('close' in message) return running.close()
  return running.call(message.op, message.args)
}

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer })
}

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  const { id } = data
  answer(data).then(
    (value) => send({ id, answer: value }, value instanceof Uint8Array ? [value.buffer] : []),
    (error: unknown) => send({ id, error: EngineError.from(error).toJSON() }),
  )
})

send({ hello: true })
