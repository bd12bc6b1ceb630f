// The cart. Buying is a demonstration: it reports a purchase to the engine and empties the cart.

import type { Line } from '../cart'
import { el } from '../dom'
import { counted, usd } from '../format'
import { pageView, purchase, removeFromCart, viewCart } from '../ga4'
import { picture } from '../picture'
import { href } from '../route'
import { Shelf } from '../shelf'
import { HEADING_CLASS, pageOf, type Shop, type View } from '../shop'

/** Draws the cart as it is now. */
export function cart(shop: Shop): View {
  const { lines, total } = shop.cart
  const last = lines.at(-1)
  const related = last && new Shelf({ ...shop, placement: 'related', title: `Goes with ${last.product.name}`, size: 4, page: { ...pageOf(last.product), type: 'cart' } })
  const picks = new Shelf({ ...shop, placement: 'picks', title: 'Picks for you', size: 4, page: { type: 'cart' } })

  const buy = (): void => {
    const event = purchase(lines, total)
    shop.cart.clear()
    shop.announce('Bought. This is a demo: no order was placed.')
    shop.redraw()
    shop.report(event)
  }
  const element = el('div', { class: 'view' },
    el('div', { class: 'title-line' },
      el('h1', { class: HEADING_CLASS, tabindex: '-1' }, 'Cart'),
      el('p', { class: 'title-note' }, counted(shop.cart.pieces, 'item'))),
    lines.length === 0
      ? el('p', { class: 'nothing' }, 'The cart is empty. It lives in this tab only; a reload empties it too.')
      : el('div', { class: 'cart' },
          el('ul', { class: 'cart-lines' }, ...lines.map((line) => row(shop, line))),
          el('div', { class: 'cart-sum' },
            el('p', { class: 'cart-total' }, el('span', {}, 'Total'), el('strong', {}, usd(total))),
            el('button', { type: 'button', class: 'primary', on: { click: buy } }, 'Buy (demo)'),
            el('p', { class: 'cart-note' }, 'Nothing is ordered or paid. The engine is told of a purchase, and stops showing what was bought.'))),
    related?.element,
    picks.element)
  return {
    title: 'Cart · Nearside demo shop',
    element,
    shelves: related === undefined ? [picks] : [related, picks],
    events: lines.length === 0 ? [pageView()] : [pageView(), viewCart(lines, total)],
  }
}

function row(shop: Shop, { product, quantity }: Line): HTMLElement {
  const remove = (): void => {
    const line = shop.cart.remove(product)
    shop.announce(`${product.name} was taken out of the cart.`)
    shop.redraw()
    if (line !== undefined) shop.report(removeFromCart(line))
  }
  return el('li', { class: 'cart-line' },
    el('div', { class: 'cart-picture' }, picture(product)),
    el('div', { class: 'cart-facts' },
      el('a', { class: 'cart-name', href: href({ page: 'product', id: product.id }) }, product.name),
      el('p', { class: 'cart-brand' }, product.brand)),
    el('p', { class: 'cart-price' }, quantity > 1 ? `${quantity} × ${usd(product.price)}` : usd(product.price)),
    el('button', { type: 'button', class: 'quiet', 'aria-label': `Remove ${product.name}`, on: { click: remove } }, 'Remove'))
}
