// What every page of the shop is made with, and what it hands back.

import type { Page, SessionEvent } from 'nearside'
import type { Cart } from './cart'
import type { Catalogue, Product } from './catalogue'
import type { Ranking } from './ranking'
import type { Shelf } from './shelf'

/** The shop's parts. */
export interface Shop {
  readonly catalogue: Catalogue
  readonly cart: Cart
  readonly ranking: Ranking
  /** The product page opened last, for "related" on pages without a product of their own. */
  readonly lastLook: Product | undefined
  /** Tells the engine what happened and ranks the shelves anew. */
  report(event: SessionEvent): void
  /** Puts a product into the cart and says so. The caller reports the event. */
  add(product: Product): void
  /** Says something to those who do not see the page. */
  announce(text: string): void
  /** Draws the present page anew. */
  redraw(): void
}

/** A page, drawn. */
export interface View {
  /** Names the page in the tab and in the history. */
  readonly title: string
  readonly element: HTMLElement
  readonly shelves: readonly Shelf[]
  /** What opening this page means, in the order it is reported. */
  readonly events: readonly SessionEvent[]
}

/** The heading every page has; it takes the focus when the page is opened. */
export const HEADING_CLASS = 'page-title'

/** A request's page for a product. */
export function pageOf(product: Product): Page {
  return { type: 'product', item_id: product.id }
}
