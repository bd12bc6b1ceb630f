// Impressions as advertisers count them: half of the pixels in view for a second, in a visible tab.

const SEEN_SHARE = 0.5
const SEEN_MS = 1000

const calls = new Map<Element, () => void>()
const timers = new Map<Element, number>()

function stop(element: Element): void {
  window.clearTimeout(timers.get(element))
  timers.delete(element)
}

function forget(element: Element): void {
  stop(element)
  calls.delete(element)
  observer.unobserve(element)
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio < SEEN_SHARE) {
        stop(target)
        continue
      }
      if (timers.has(target)) continue
      timers.set(target, window.setTimeout(() => count(target), SEEN_MS))
    }
  },
  { threshold: [0, SEEN_SHARE] },
)

function count(element: Element): void {
  timers.delete(element)
  const call = calls.get(element)
  // An element can be in view and still not be painted: in a closed drawer, or in a tab behind another.
  if (call === undefined || document.hidden || !element.checkVisibility()) return
  forget(element)
  call()
}

document.addEventListener('visibilitychange', () => {
  for (const element of calls.keys()) {
    stop(element)
    observer.unobserve(element)
    if (!document.hidden) observer.observe(element)
  }
})

/** Calls back once, when `element` has been seen. Returns how to stop waiting. */
export function watchImpression(element: Element, call: () => void): () => void {
  // Observing anew makes the browser report the present state, so a card that changed in place starts its second.
  forget(element)
  calls.set(element, call)
  observer.observe(element)
  return () => forget(element)
}
