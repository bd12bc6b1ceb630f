// How long the demo's page keeps the main thread busy at a time, while a shopper walks through it.

import { serve, Shopper } from '../browser/shop.mjs'

/** The walk: every kind of page, and back to the shelves. */
const WALK = ['#/product/1145548', '#/search/guitar', '#/product/1071015', '#/cart', '#/', '#/product/43900', '#/']

/**
 * The longest main-thread task of each of `visits` fresh visits, from the
 * browser's own trace: page start, engine start, model, and the walk. In
 * milliseconds of processor time (`busy`), which other programs on the machine
 * do not lengthen, and by the clock (`wall`).
 */
export async function longestTasks(browser, visits) {
  const site = await serve()
  const longest = { busy: [], wall: [] }
  try {
    for (let visit = 0; visit < visits; visit++) {
      const tasks = await visitOnce(browser, site.url)
      longest.busy.push(Math.max(...tasks.map(({ busy }) => busy)))
      longest.wall.push(Math.max(...tasks.map(({ wall }) => wall)))
    }
  } finally {
    await site.close()
  }
  return longest
}

async function visitOnce(browser, url) {
  const trace = await browser.newBrowserCDPSession()
  const events = []
  trace.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  await trace.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline'] },
  })
  const shopper = await Shopper.visit(browser, url)
  await shopper.ready()
  for (const hash of WALK) await shopper.go(hash)
  const complete = new Promise((resolve) => trace.once('Tracing.tracingComplete', resolve))
  await trace.send('Tracing.end')
  await complete
  await shopper.close()
  await trace.detach()
  return mainThreadTasks(events, url)
}

/** Every task on the main thread of the process that drew the page at `url`. */
export function mainThreadTasks(events, url) {
  const frame = events.find(({ name, args }) => name === 'CommitLoad' && args?.data?.url?.startsWith(url))
  if (!frame) throw new Error('the trace does not show the page')
  const main = ({ pid, tid }) => pid === frame.pid && tid === frame.tid
  const tasks = events
    .filter((event) => main(event) && /RunTask$/.test(event.name) && event.dur > 0)
    .map(({ dur, tdur }) => ({ wall: dur / 1000, busy: (tdur ?? dur) / 1000 }))
  if (tasks.length === 0) throw new Error('the trace shows no task of the page')
  return tasks
}
