/**
 * An engine in a worker, called by message.
 */

import { spawnWorker } from './assets.js'
import { EngineError } from './errors.js'
import type {
  Answers,
  BuildName,
  Calls,
  Client,
  FromWorker,
  Op,
  PortableWasm,
  ToWorker,
} from './protocol.js'

/** How long a worker may take until its script runs, in milliseconds; a script that is blocked gives no sign. */
const PATIENCE_MS = 3000

/** Starts the worker; rejects with `load-failed` where its script does not run. */
export function connectWorker(): Promise<RemoteHost> {
  return new Promise((resolve, reject) => {
    let worker: Worker
    const fail = (why: string, cause?: unknown) => {
      clearTimeout(timer)
      worker?.terminate()
      reject(
        new EngineError('load-failed', `the worker did not start: ${why}`, {
          field: 'worker',
          remedy:
            "Serve nearside's worker.js from the page's origin and allow it in the CSP's `worker-src`, " +
            "or leave `worker` at 'auto'",
          cause,
        }),
      )
    }
    const timer = setTimeout(() => fail('no answer within three seconds'), PATIENCE_MS)
    try {
      worker = spawnWorker()
    } catch (cause) {
      fail('the page may not start it', cause)
      return
    }
    worker.onerror = (event) => {
      event.preventDefault()
      fail(event.message || 'its script could not be loaded')
    }
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (!('hello' in data)) return
      clearTimeout(timer)
      resolve(new RemoteHost(worker))
    }
  })
}

interface Waiting {
  resolve(answer: any): void
  reject(error: EngineError): void
}

export class RemoteHost implements Client {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0

  constructor(worker: Worker) {
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if ('hello' in data) return
      const waiting = this.#waiting.get(data.id)
      this.#waiting.delete(data.id)
      if ('error' in data) waiting?.reject(EngineError.fromJSON(data.error))
      else waiting?.resolve(data.answer)
    }
    // An answer is owed for every call; without its message there is nothing to wait for.
    worker.onerror = (event) => {
      event.preventDefault()
      this.#abandon(event.message)
    }
    worker.onmessageerror = () => this.#abandon('a message could not be read')
  }

  start(wasm: Record<BuildName, PortableWasm>): Promise<void> {
    return this.#send((id) => ({ id, start: wasm }), [])
  }

  call<K extends Op>(op: K, args: Calls[K]): Promise<Answers[K]> {
    const files = args.flat().filter((argument) => argument instanceof Uint8Array)
    return this.#send((id) => ({ id, op, args }), files.map(({ buffer }) => buffer))
  }

  async close(): Promise<void> {
    try {
      await this.#send((id) => ({ id, close: true }), [])
    } finally {
      this.terminate()
    }
  }

  terminate(): void {
    this.#worker.terminate()
    this.#abandon('it was stopped')
  }

  #send<T>(message: (id: number) => ToWorker, transfer: Transferable[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const id = this.#calls++
      try {
        this.#worker.postMessage(message(id), transfer)
      } catch (cause) {
        // A promise would reject with the browser's DataCloneError otherwise.
        reject(new EngineError('internal', `the worker cannot be sent this: ${cause}`, { cause }))
        return
      }
      this.#waiting.set(id, { resolve, reject })
    })
  }

  #abandon(why: string): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new EngineError('internal', `the worker gave no answer: ${why}`))
    }
    this.#waiting.clear()
  }
}
