// The catalogue as the shop shows it: products by id, the tree of categories, search over titles.
//
// The engine reads the same bytes on its own and judges them more strictly. The shop shows what it
// can: a product that the engine leaves out is still for sale.

/** A product as the shop draws it. */
export interface Product {
  readonly id: string
  /** The title as in the file. */
  readonly title: string
  /** The title without the brand before it and the colour after it. */
  readonly name: string
  /** The colour or edition after the title's last dash; empty where there is none. */
  readonly variant: string
  readonly description: string
  readonly brand: string
  /** Category path, widest first. */
  readonly path: readonly string[]
  /** In USD. */
  readonly price: number
}

/** A node of the category tree. */
export interface Category {
  readonly path: readonly string[]
  /** Products in this category and below. */
  readonly products: readonly Product[]
  readonly children: readonly Category[]
}

/** Why the shop has no products. `code` is one of `load-failed`, `invalid-json`, `invalid-field`, `empty-catalogue`. */
export class CatalogueError extends Error {
  constructor(readonly code: string, message: string) {
    super(message)
    this.name = 'CatalogueError'
  }
}

interface Draft { path: string[]; products: Product[]; children: Map<string, Draft> }

function read(row: unknown): Product | null {
  if (typeof row !== 'object' || row === null) return null
  const { id, title, description, brand, product_type: type, price } = row as Record<string, unknown>
  if (typeof id !== 'string' || typeof title !== 'string' || typeof type !== 'string') return null
  const maker = typeof brand === 'string' ? brand : ''
  const amount = Number.parseFloat(String(price))
  const bare = title.startsWith(`${maker} - `) ? title.slice(maker.length + 3) : title
  const dash = bare.lastIndexOf(' - ')
  return {
    id,
    title,
    name: dash > 0 ? bare.slice(0, dash).replaceAll(' - ', ', ') : bare,
    variant: dash > 0 ? bare.slice(dash + 3) : '',
    description: typeof description === 'string' ? description : '',
    brand: maker,
    path: type.split(' > '),
    price: Number.isFinite(amount) ? amount : 0,
  }
}

/** All products, and the ways to find one. */
export class Catalogue {
  /** In the file's order; of two with one id, the first. */
  readonly products: readonly Product[]
  /** The top of the category tree, largest department first. */
  readonly departments: readonly Category[]
  readonly #byId = new Map<string, Product>()
  readonly #byPath = new Map<string, Category>()
  readonly #advertisers = new Map<string, string>()
  readonly #searched: readonly (readonly [string, Product])[]

  private constructor(rows: readonly unknown[], campaigns: readonly unknown[], readonly bytes: Uint8Array) {
    for (const row of rows) {
      const product = read(row)
      if (product !== null && !this.#byId.has(product.id)) this.#byId.set(product.id, product)
    }
    this.products = [...this.#byId.values()]
    this.#searched = this.products.map((p) => [p.title.toLowerCase(), p] as const)
    for (const campaign of campaigns) {
      const { id, advertiser } = (campaign ?? {}) as Record<string, unknown>
      if (typeof id === 'string' && typeof advertiser === 'string') this.#advertisers.set(id, advertiser)
    }
    this.departments = this.#grow()
  }

  /** Reads a catalogue file. Throws a {@link CatalogueError} if it is not one. */
  static parse(bytes: Uint8Array): Catalogue {
    let file: unknown
    try {
      file = JSON.parse(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw new CatalogueError('invalid-json', `The catalogue is not JSON: ${(cause as Error).message}`)
    }
    const { products, campaigns } = (file ?? {}) as Record<string, unknown>
    if (!Array.isArray(products)) throw new CatalogueError('invalid-field', 'The catalogue has no list named "products".')
    const catalogue = new Catalogue(products, Array.isArray(campaigns) ? campaigns : [], bytes)
    if (catalogue.products.length === 0) throw new CatalogueError('empty-catalogue', 'The catalogue has no product with an id, a title and a product_type.')
    return catalogue
  }

  /** The product with this id. */
  product(id: string): Product | undefined {
    return this.#byId.get(id)
  }

  /** The category with this path, widest name first. */
  category(path: readonly string[]): Category | undefined {
    return this.#byPath.get(path.join(' > '))
  }

  /** Who pays for a campaign. */
  advertiser(campaign: string): string {
    return this.#advertisers.get(campaign) ?? campaign
  }

  /** Products whose title holds every one of the words, in catalogue order. */
  search(words: string): readonly Product[] {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
    if (wanted.length === 0) return []
    return this.#searched.filter(([title]) => wanted.every((word) => title.includes(word))).map(([, product]) => product)
  }

  #grow(): Category[] {
    const roots = new Map<string, Draft>()
    for (const product of this.products) {
      let level = roots
      product.path.forEach((name, depth) => {
        let node = level.get(name)
        if (node === undefined) {
          node = { path: product.path.slice(0, depth + 1), products: [], children: new Map() }
          level.set(name, node)
        }
        node.products.push(product)
        level = node.children
      })
    }
    return this.#settle(roots)
  }

  #settle(level: Map<string, Draft>): Category[] {
    const settled = [...level.values()].map((draft): Category => ({ path: draft.path, products: draft.products, children: this.#settle(draft.children) }))
    for (const category of settled) this.#byPath.set(category.path.join(' > '), category)
    return settled.sort((a, b) => b.products.length - a.products.length || leaf(a.path).localeCompare(leaf(b.path)))
  }
}

/** The narrowest name of a category path. */
export function leaf(path: readonly string[]): string {
  return path[path.length - 1] ?? ''
}

/** Fetches the catalogue from the shop's own origin. */
export async function fetchCatalogue(address: string): Promise<Catalogue> {
  let response: Response
  try {
    response = await fetch(address)
  } catch {
    throw new CatalogueError('load-failed', 'The catalogue could not be fetched. Check the connection.')
  }
  if (!response.ok) throw new CatalogueError('load-failed', `The catalogue could not be fetched: the server answered ${response.status}.`)
  return Catalogue.parse(new Uint8Array(await response.arrayBuffer()))
}
