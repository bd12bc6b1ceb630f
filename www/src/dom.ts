// Building elements without markup strings, so that a product's text can never become markup.

type Child = Node | string | null | undefined | false

interface Attributes {
  readonly class?: string | null
  readonly on?: { readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void }
  readonly [name: string]: unknown
}

/** Makes an element. Attributes with `null`, `undefined` or `false` are left out; `true` becomes an empty attribute. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') continue
    if (value === null || value === undefined || value === false) continue
    element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const [type, listener] of Object.entries(attributes.on ?? {})) element.addEventListener(type, listener as EventListener)
  append(element, children)
  return element
}

/** Appends what is there of `children`. */
export function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) parent.append(child)
}

/** The page's own element with this id. */
export function own<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`index.html has no element with id ${id}`)
  return element as T
}

/** Lets the browser paint and answer input between two pieces of work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => void setTimeout(resolve)
    // A hidden tab draws no frames, and its shop must still start.
    if (document.hidden) next()
    else requestAnimationFrame(next)
  })
}
