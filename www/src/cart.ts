// The cart, in this tab's memory. A reload empties it.

import type { Product } from './catalogue'

/** One product in the cart. */
export interface Line {
  readonly product: Product
  /** At least 1. */
  readonly quantity: number
}

/** What the shopper means to buy, in the order it was added. */
export class Cart {
  #lines = new Map<string, Line>()
  readonly #watchers: (() => void)[] = []

  get lines(): readonly Line[] {
    return [...this.#lines.values()]
  }

  /** Pieces, not lines. */
  get pieces(): number {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0)
  }

  /** In USD. */
  get total(): number {
    return this.lines.reduce((sum, line) => sum + line.quantity * line.product.price, 0)
  }

  add(product: Product): void {
    const before = this.#lines.get(product.id)?.quantity ?? 0
    this.#lines.set(product.id, { product, quantity: before + 1 })
    this.#tell()
  }

  /** Takes a product out and returns the line it had. */
  remove(product: Product): Line | undefined {
    const line = this.#lines.get(product.id)
    if (line === undefined) return undefined
    this.#lines.delete(product.id)
    this.#tell()
    return line
  }

  clear(): void {
    this.#lines.clear()
    this.#tell()
  }

  watch(watcher: () => void): void {
    this.#watchers.push(watcher)
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
