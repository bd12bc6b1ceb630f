// The shop: starts the engine, reads the catalogue, and draws the page the address names.
//
// The engine's start and both downloads run at the same time. Whichever fails, the shop goes on with
// what it has: without a model the formula ranks, without an engine the lists are plain, and without
// a catalogue there is a message and a way to try again.

import { createEngine } from 'nearside'
import type { SessionEvent } from 'nearside'
import { Cart } from './cart'
import { fetchCatalogue, type Catalogue, type Product } from './catalogue'
import { drawDepartments } from './departments'
import { breathe, own } from './dom'
import { Panel } from './panel/panel'
import { Ranking } from './ranking'
import { href, parse, type Route } from './route'
import { restoreScroll } from './scroll'
import { HEADING_CLASS, type Shop, type View } from './shop'
import { waiting } from './waiting'
import { cart as cartView } from './views/cart'
import { category as categoryView } from './views/category'
import { home as homeView } from './views/home'
import { product as productView } from './views/product'
import { search as searchView } from './views/search'
import { noCatalogue, unknown as unknownView } from './views/trouble'

const main = own('main')
const announcer = own('announce')
const words = own<HTMLInputElement>('find-words')

main.append(waiting())
const engine = createEngine()
const model = fetch('./model.onnx')
// Both are read later, or never if the catalogue cannot be; until then a failure must not count as unhandled.
engine.catch(() => undefined)
model.catch(() => undefined)

// Each piece of the start is a task of its own, so that the first paint waits for none of them.
const panel = breathe().then(() => new Panel())
void open()

async function open(): Promise<void> {
  let catalogue: Catalogue
  try {
    catalogue = await fetchCatalogue('./catalogue.json')
  } catch (error) {
    main.replaceChildren(noCatalogue(error, () => void open()))
    return
  }
  const beside = await panel
  await breathe()
  start(catalogue, beside)
}

function start(catalogue: Catalogue, panel: Panel): void {
  const cart = new Cart()
  const ranking = new Ranking(catalogue, engine, model)
  panel.follow(ranking)
  let view: View | undefined

  let due = false
  // One click can be several events; they are all taken in before one ranking per shelf.
  const refresh = async (): Promise<void> => {
    if (due) return
    due = true
    await ranking.started()
    due = false
    for (const shelf of view?.shelves ?? []) await shelf.refresh()
  }
  const announce = (text: string): void => {
    announcer.textContent = text
  }
  let lastLook: Product | undefined
  const shop: Shop = {
    catalogue,
    cart,
    ranking,
    get lastLook() {
      return lastLook
    },
    report(event) {
      void ranking.observe(event)
      void refresh()
    },
    add(product) {
      cart.add(product)
      announce(`${product.name} is in the cart.`)
    },
    announce,
    redraw: () => draw([]),
  }

  /** Draws the present page. `events` replaces what opening it would report. */
  function draw(events?: readonly SessionEvent[]): void {
    const route = parse(location.hash)
    for (const shelf of view?.shelves ?? []) shelf.dispose()
    view = viewFor(shop, route)
    main.replaceChildren(view.element)
    document.title = view.title
    drawDepartments(catalogue, route)
    if (events === undefined && route.page === 'product') lastLook = catalogue.product(route.id)
    if (route.page === 'search') words.value = route.words
    for (const event of events ?? view.events) void ranking.observe(event)
    void refresh()
  }

  ranking.watch({
    status: () => void refresh(),
    replaced() {
      lastLook = undefined
      draw([])
    },
  })
  cart.watch(() => {
    const count = own('cart-count')
    count.textContent = String(cart.pieces)
    count.setAttribute('aria-label', cart.pieces === 1 ? '1 item' : `${cart.pieces} items`)
  })
  own<HTMLFormElement>('find').addEventListener('submit', (event) => {
    event.preventDefault()
    if (words.value.trim() !== '') location.hash = href({ page: 'search', words: words.value.trim() })
  })
  own('skip').addEventListener('click', () => main.focus())
  addEventListener('hashchange', () => {
    draw()
    restoreScroll()
    // Someone who does not see the page hears where they are.
    main.querySelector<HTMLElement>(`.${HEADING_CLASS}`)?.focus({ preventScroll: true })
  })
  draw()
}

function viewFor(shop: Shop, route: Route): View {
  switch (route.page) {
    case 'home':
      return homeView(shop)
    case 'category': {
      const category = shop.catalogue.category(route.path)
      return category === undefined ? unknownView(shop) : categoryView(shop, category)
    }
    case 'product': {
      const product = shop.catalogue.product(route.id)
      return product === undefined ? unknownView(shop) : productView(shop, product)
    }
    case 'search':
      return searchView(shop, route.words)
    case 'cart':
      return cartView(shop)
    case 'unknown':
      return unknownView(shop)
  }
}
