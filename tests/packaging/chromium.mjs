// Debian's Chromium, driven by playwright-core. CHROMIUM names another one.
import { chromium } from 'playwright-core'

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Opens a page and returns what it left in `window.seen`, and what it printed.
 * `slowdown` divides the speed of the page's main thread; workers keep theirs.
 */
export async function visit(browser, url, { timeout = 30_000, slowdown = 1 } = {}) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const printed = []
  page.on('console', (message) => printed.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => printed.push(`uncaught: ${error.message}`))
  try {
    if (slowdown > 1) {
      const devtools = await context.newCDPSession(page)
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
    }
    await page.goto(url, { timeout })
    const done = await page.waitForFunction(() => window.seen, undefined, { timeout })
    return { seen: await done.jsonValue(), printed }
  } catch (error) {
    throw new Error(`${url} showed nothing: ${error.message}\n${printed.join('\n')}`)
  } finally {
    await context.close()
  }
}
