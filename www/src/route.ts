// Addresses inside the page. They live behind the hash, so one static file serves them from any path.

/** A place in the shop. */
export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'category'; readonly path: readonly string[] }
  | { readonly page: 'product'; readonly id: string }
  | { readonly page: 'search'; readonly words: string }
  | { readonly page: 'cart' }
  | { readonly page: 'unknown' }

/** The link to a place. */
export function href(route: Route): string {
  switch (route.page) {
    case 'home':
      return '#/'
    case 'category':
      return `#/category/${route.path.map(encodeURIComponent).join('/')}`
    case 'product':
      return `#/product/${encodeURIComponent(route.id)}`
    case 'search':
      return `#/search/${encodeURIComponent(route.words)}`
    case 'cart':
      return '#/cart'
    case 'unknown':
      return '#/unknown'
  }
}

/** The place a hash names. */
export function parse(hash: string): Route {
  let parts: string[]
  try {
    parts = hash.replace(/^#?\/?/, '').split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    return { page: 'unknown' }
  }
  const [page, ...rest] = parts
  if (page === undefined) return { page: 'home' }
  if (page === 'category' && rest.length > 0) return { page, path: rest }
  if (page === 'product' && rest[0] !== undefined) return { page, id: rest[0] }
  if (page === 'search') return { page, words: rest.join('/') }
  if (page === 'cart') return { page }
  return { page: 'unknown' }
}
