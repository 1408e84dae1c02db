import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { startBrowser } from '../../test/support/browser.ts'
import { buildDocsSite, serveFolder } from '../../test/support/docs-site.ts'
import { desktopFonts } from './desktop-fonts.ts'
import type { Figure } from './figure.ts'

const FOLDER = fileURLToPath(new URL('../../docs/site-pictures/', import.meta.url))
const DESK = { viewport: { width: 1440, height: 900 } }
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true }

/** Takes the pictures of the documentation site, for reviews. The package does not have them. */
export const figure: Figure = {
  name: 'site-screenshots',
  title: 'pictures of the documentation site, written to docs/site-pictures',
  async run() {
    mkdirSync(FOLDER, { recursive: true })
    const site = buildDocsSite()
    const host = await serveFolder(site.folder)
    const browser = await startBrowser({ FONTCONFIG_FILE: await desktopFonts() })
    const taken: string[] = []
    const take = async (
      name: string,
      path: string,
      context: BrowserContextOptions,
      act: (page: Page) => Promise<unknown> = async () => {},
    ) => {
      const opened = await browser.newContext({ locale: 'en-US', ...context })
      const page = await opened.newPage()
      await page.goto(host.url + path)
      await act(page)
      await page.waitForTimeout(400)
      await page.screenshot({ path: `${FOLDER}${name}.png`, animations: 'disabled' })
      await opened.close()
      taken.push(name)
    }
    try {
      await take('site-landing', '', DESK)
      await take('site-landing-dark', '', { ...DESK, colorScheme: 'dark' })
      await take('site-phone', 'docs/options.html', PHONE)
      await take('site-guide', 'docs/quick-start.html', DESK)
      await take('site-search', 'docs/quick-start.html', DESK, async (page) => {
        await page.getByRole('button', { name: 'Search' }).click()
        await page.getByRole('combobox').fill('rate limit')
        await page.getByRole('option').first().waitFor()
      })
    } finally {
      await browser.close()
      await host.close()
      site.remove()
    }
    return { ok: taken.length === 5, taken }
  },
}
