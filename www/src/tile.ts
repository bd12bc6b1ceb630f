// A product as a card. Its size never depends on its text, so that one card can take another's place.

import { leaf, type Product } from './catalogue'
import { el } from './dom'
import { usd } from './format'
import { picture } from './picture'
import { href } from './route'

/** What a card shows beside the product, and what it does. */
export interface TileOptions {
  readonly product: Product
  /** Who pays for its place; null where nobody does. */
  readonly advertiser: string | null
  /** Called before the link is followed. */
  readonly onOpen: () => void
  readonly onAdd: () => void
}

/** The inside of a list item. */
export function tile({ product, advertiser, onOpen, onAdd }: TileOptions): HTMLElement {
  const under = advertiser ?? leaf(product.path)
  return el(
    'article',
    { class: 'tile' },
    el(
      'a',
      { class: 'tile-link', href: href({ page: 'product', id: product.id }), on: { click: onOpen } },
      el('span', { class: 'tile-picture' }, picture(product), advertiser !== null && el('span', { class: 'tile-paid' }, 'Sponsored')),
      el('span', { class: 'tile-brand' }, product.brand),
      el('span', { class: 'tile-name' }, product.name),
      el('span', { class: 'tile-under', title: under }, under),
    ),
    el(
      'p',
      { class: 'tile-foot' },
      el('span', { class: 'tile-price' }, usd(product.price)),
      el('button', { type: 'button', class: 'tile-add', 'aria-label': `Add ${product.name} to the cart`, title: 'Add to the cart', on: { click: onAdd } }, plus()),
    ),
  )
}

function plus(): SVGElement {
  const sign = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  sign.setAttribute('viewBox', '0 0 20 20')
  sign.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', 'M10 4v12M4 10h12')
  sign.append(path)
  return sign
}

/** A card's place before there is anything to put in it. */
export function hollow(): HTMLElement {
  return el(
    'div',
    { class: 'tile hollow', 'aria-hidden': 'true' },
    el('span', { class: 'tile-link' }, el('span', { class: 'tile-picture' }), el('span', { class: 'tile-brand' }), el('span', { class: 'tile-name' }), el('span', { class: 'tile-under' })),
    el('span', { class: 'tile-foot' }),
  )
}
