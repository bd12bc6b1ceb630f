// The navigation: departments, and below the open one its parts.

import { leaf, type Catalogue, type Category } from './catalogue'
import { el, own } from './dom'
import { count } from './format'
import { href, type Route } from './route'

/** Departments with fewer products than this are gathered under "More". */
const SHOWN_FROM = 10

/** Draws the navigation for a place in the shop. */
export function drawDepartments(catalogue: Catalogue, route: Route): void {
  const path = route.page === 'category' ? route.path : route.page === 'product' ? (catalogue.product(route.id)?.path ?? []) : []
  const large = catalogue.departments.filter((department) => department.products.length >= SHOWN_FROM)
  const small = catalogue.departments.filter((department) => department.products.length < SHOWN_FROM)
  const inMore = small.some((department) => leaf(department.path) === path[0])
  const tree = el('div', { class: 'tree' },
    el('h2', { class: 'tree-title' }, 'Departments'),
    branch(large, path, route),
    el('details', { class: 'tree-more', open: inMore }, el('summary', {}, 'More'), branch(small, path, route)))
  // On a narrow screen the tree hides behind a button-like summary; CSS shows the one or the other.
  const fold = el('details', { class: 'tree-fold' }, el('summary', {}, path[0] ?? 'All departments'), branch([...large, ...small], [], route))
  own('departments').replaceChildren(fold, tree)
}

function branch(categories: readonly Category[], open: readonly string[], route: Route): HTMLElement {
  return el('ul', { class: 'branch' }, ...categories.map((category) => {
    const depth = category.path.length
    const onPath = open[depth - 1] === leaf(category.path)
    const here = route.page === 'category' && route.path.join(' > ') === category.path.join(' > ')
    return el('li', {},
      el('a', { class: onPath ? 'branch-link on-path' : 'branch-link', href: href({ page: 'category', path: category.path }), 'aria-current': here ? 'page' : null },
        el('span', { class: 'branch-name' }, leaf(category.path)), el('span', { class: 'branch-count' }, count(category.products.length))),
      onPath && category.children.length > 0 && branch(category.children, open, route))
  }))
}
