// Every WebAssembly memory that is made after this module was imported: import it before the engines.

const memories = new Set()

const seen = (made) => {
  const { exports } = made.instance ?? made
  for (const value of Object.values(exports ?? {})) if (value instanceof Memory) memories.add(value)
  return made
}

const { Memory, instantiate, instantiateStreaming } = WebAssembly

WebAssembly.Memory = class extends Memory {
  constructor(description) {
    super(description)
    memories.add(this)
  }
}
WebAssembly.instantiate = async (...given) => seen(await instantiate(...given))
WebAssembly.instantiateStreaming = async (...given) => seen(await instantiateStreaming(...given))

/** How many bytes they hold. A memory never shrinks, so this is also the most that was needed. */
export const memoryBytes = () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
