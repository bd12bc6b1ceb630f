// Where each visited page was scrolled to. The browser cannot restore it itself, because a page is drawn
// only after its address has changed.

history.scrollRestoration = 'manual'

const positions = new Map<number, number>()
let current = 0
let newest = 0

addEventListener('scroll', () => positions.set(current, scrollY), { passive: true })

/** After a page was drawn: to the top for a new visit, to the old place for "back" and "forward". */
export function restoreScroll(): void {
  const visit: unknown = (history.state as { visit?: unknown } | null)?.visit
  if (typeof visit === 'number') {
    current = visit
  } else {
    current = ++newest
    history.replaceState({ visit: current }, '')
  }
  scrollTo(0, positions.get(current) ?? 0)
}
