import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axeViolations, openPage, startBrowser } from '../support/browser.ts'
import { buildDocsSite, type DocsSite, serveFolder } from '../support/docs-site.ts'

const DESK = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true }
const PAGES = [
  '',
  'docs/quick-start.html',
  'docs/options.html',
  'docs/performance.html',
  'modules.html',
  'api/modules/twinkey_express.html',
  'api/functions/twinkey_express.requireAuth.html',
  'api/interfaces/twinkey.Keys.html',
]

let site: DocsSite
let host: Awaited<ReturnType<typeof serveFolder>>
let browser: Browser
beforeAll(async () => {
  // The address where somebody would host it. The pages must not load anything from there.
  site = buildDocsSite('--hostedBaseUrl', 'https://docs.example.com/twinkey/')
  host = await serveFolder(site.folder)
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await host?.close()
  site?.remove()
})

describe('the search of the documentation site', () => {
  test.each([
    ['rate limit', 'Set rate limits and quotas'],
    ['expire', 'Let keys expire'],
    ['nestjs', 'Guard a NestJS application'],
    ['mysql', 'Connect a database'],
  ])('shows for %j the guide "%s" first, and guides above the API', async (query, title) => {
    await visit('docs/quick-start.html', DESK, async (page) => {
      await page.keyboard.press('Control+k')
      await page.keyboard.type(query)
      await page.locator('#results [role=option]').first().waitFor()
      const found = await page
        .locator('#results [role=option]')
        .evaluateAll((options) =>
          options.map((option) => [option.className, option.querySelector('b')?.textContent]),
        )
      expect(found[0]).toEqual(['page', title])
      const kinds = found.map(([kind]) => kind)
      expect(kinds).toContain('symbol')
      expect(kinds.lastIndexOf('page')).toBeLessThan(kinds.indexOf('symbol'))
    })
  })

  test('opens the chosen result by the keyboard alone', async () => {
    await visit('', DESK, async (page) => {
      await page.keyboard.press('Control+k')
      await page.keyboard.type('mysql')
      await page.locator('#results [role=option]').first().waitFor()
      const input = page.getByRole('combobox')
      const first = await input.getAttribute('aria-activedescendant')
      await page.keyboard.press('ArrowDown')
      expect(await input.getAttribute('aria-activedescendant')).not.toBe(first)
      await page.keyboard.press('Enter')
      await page.waitForURL('**/docs/stores.html#*')
    })
  })

  test('says that nothing was found, and closes with Escape', async () => {
    await visit('', DESK, async (page) => {
      await page.getByRole('button', { name: 'Search' }).click()
      await page.keyboard.type('zzzyzx')
      await page.getByText('Nothing found for').waitFor()
      await page.keyboard.press('Escape')
      expect(await page.getByRole('dialog').isVisible()).toBe(false)
    })
  })
})

describe('the pages of the documentation site', () => {
  test.each([
    ['on a desk in the light scheme', { ...DESK, colorScheme: 'light' }],
    ['on a desk in the dark scheme', { ...DESK, colorScheme: 'dark' }],
    ['on a phone', PHONE],
  ] as const)('break no rule of accessibility %s', { timeout: 180_000 }, async (_, options) => {
    for (const path of PAGES)
      await visit(path, { ...options, bypassCSP: true }, async (page) => {
        expect([path, await axeViolations(page)]).toEqual([path, []])
      })
  })

  test('let the keyboard skip to the content, and show where it is', async () => {
    await visit('docs/limits.html', DESK, async (page) => {
      await page.keyboard.press('Tab')
      const link = page.getByRole('link', { name: 'Skip to the content' })
      expect(await link.evaluate((element) => element.matches(':focus-visible'))).toBe(true)
      expect((await link.boundingBox())?.height).toBeGreaterThan(20)
      await page.keyboard.press('Enter')
      await page.keyboard.press('Tab')
      const focused = await page.evaluate(() => {
        // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
        const { document, getComputedStyle } = globalThis as any
        const { activeElement } = document
        return [
          activeElement.closest('main') !== null,
          getComputedStyle(activeElement).outlineStyle,
        ]
      })
      expect(focused).toEqual([true, 'solid'])
    })
  })

  test.each([1280, 1440])(
    'show code of 100 characters without scrolling at %i pixels',
    async (width) => {
      for (const path of ['docs/quick-start.html', 'docs/rotation.html', 'docs/own-keys.html'])
        await visit(path, { viewport: { width, height: 800 } }, async (page) => {
          const fit = await page.locator('main pre').evaluateAll((blocks) => {
            const [block] = blocks
            if (block === undefined) return undefined
            // The longest line that must fit.
            block.textContent = 'x'.repeat(100)
            return block.scrollWidth <= block.clientWidth
          })
          expect([path, fit]).toEqual([path, true])
        })
    },
  )

  test('are never wider than a phone', { timeout: 180_000 }, async () => {
    const { page, close } = await openPage(browser, PHONE)
    const wide: string[] = []
    for (const path of site.pages()) {
      // Most pages of the API look the same.
      if (path.startsWith('api/') && !PAGES.includes(path)) continue
      await page.goto(host.url + path)
      const [width, client] = await page.evaluate(() => {
        // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
        const { scrollWidth, clientWidth } = (globalThis as any).document.documentElement
        return [scrollWidth, clientWidth]
      })
      if (width > client) wide.push(path)
    }
    await close()
    expect(wide).toEqual([])
  })

  test('show the rows of a wide table as lists on a phone, with the names of columns', async () => {
    await visit('docs/options.html', PHONE, async (page) => {
      const cell = page.getByRole('row').nth(1).getByRole('cell').nth(1)
      const seen = await cell.evaluate((element) => {
        // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
        const { getComputedStyle } = globalThis as any
        return [
          getComputedStyle(element).display,
          getComputedStyle(element, '::before').content,
          element.parentElement?.parentElement?.getAttribute('role'),
        ]
      })
      expect(seen).toEqual(['grid', '"what it is"', 'rowgroup'])
    })
  })

  test('open their menu on a phone', async () => {
    await visit('docs/limits.html', PHONE, async (page) => {
      const current = page.locator('#pages [aria-current=page]')
      expect(await current.isVisible()).toBe(false)
      const covered = page.locator('main[inert]')
      await page.getByRole('button', { name: 'Pages' }).click()
      expect(await current.innerText()).toBe('Set rate limits and quotas')
      expect(await covered.count()).toBe(1)
      await page.keyboard.press('Escape')
      expect(await current.isVisible()).toBe(false)
      expect(await covered.count()).toBe(0)
    })
  })

  test('keep the chosen theme on the next page', async () => {
    await visit('', { ...DESK, colorScheme: 'light' }, async (page) => {
      const pane = page.locator('figure img').first()
      expect(await pane.isVisible()).toBe(true)
      await page.getByRole('button', { name: 'Dark theme' }).click()
      expect(await pane.isVisible()).toBe(false)
      await page.goto(`${host.url}docs/faq.html`)
      const button = page.getByRole('button', { name: 'Dark theme', pressed: true })
      expect(await button.count()).toBe(1)
    })
  })

  test('name absolute addresses of themselves and of a picture if the base URL is known', () => {
    const html = site.read('docs/limits.html')
    const base = 'https://docs.example.com/twinkey/'
    expect(html).toContain(`<meta property="og:url" content="${base}docs/limits.html"/>`)
    expect(html).toContain(`<meta property="og:image" content="${base}media/list.png"/>`)
    expect(html).toContain(`<link rel="canonical" href="${base}docs/limits.html"/>`)
    expect(site.read('index.html')).toContain(`<link rel="canonical" href="${base}"/>`)
  })
})

/** Opens a page, and expects that it has no problem and asks nobody but its host. */
async function visit(
  path: string,
  options: BrowserContextOptions,
  act: (page: Page) => Promise<void>,
): Promise<void> {
  const { page, problems, requests, close } = await openPage(browser, options)
  try {
    await page.goto(host.url + path)
    await act(page)
    expect([path, problems]).toEqual([path, []])
    expect(requests.filter((request) => !request.startsWith(`GET ${host.url}`))).toEqual([])
  } finally {
    await close()
  }
}
