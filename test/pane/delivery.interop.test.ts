import helmet from 'helmet'
import { secureHeaders } from 'hono/secure-headers'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { contrast } from '../../src/endpoints/pane/color.ts'
import { axeViolations, openPage, paintedColors, startBrowser } from '../support/browser.ts'
import { PANE_FRAMEWORKS, type PaneHostOptions, startPaneHost } from '../support/pane-host.ts'
import { nginx } from '../support/proxy-server.ts'
import { createPane } from './pane-fixture.ts'

let browser: Browser
const ending: (() => unknown)[] = []

beforeAll(async () => {
  browser = await startBrowser()
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(() => browser.close())

async function serve(options: PaneHostOptions, pane = createPane()) {
  const host = await startPaneHost(pane, options)
  ending.push(() => host.close())
  return host
}

/** Opens a URL and expects the whole page, from below `base` alone and without a problem. */
async function expectPage(url: string, base = url): Promise<void> {
  const { page, problems, requests, close } = await openPage(browser)
  ending.push(close)
  await page.goto(url)
  await page.getByRole('heading', { name: 'API keys' }).waitFor({ timeout: 10_000 })
  expect(problems).toEqual([])
  expect(page.url()).toBe(base)
  const expected = new RegExp(`^GET (?:data:|${base.replace(/\/$/, '')}(?:$|/))`)
  expect(requests.filter((each) => !expected.test(each))).toEqual([])
  expect(requests.some((each) => each.startsWith(`GET ${base}api/session`))).toBe(true)
}

const STRICT = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } },
  crossOriginEmbedderPolicy: true,
  crossOriginResourcePolicy: { policy: 'same-origin' },
  xFrameOptions: { action: 'deny' },
})

describe.each(PANE_FRAMEWORKS)('in a browser, the pane on %s', (framework) => {
  test.each(['/', '/a/b'])('works at %s', async (at) => {
    const { url } = await serve({ framework, at })
    await expectPage(url)
    if (at !== '/') await expectPage(url.slice(0, -1), url)
  })

  test.each([
    ['default', helmet()],
    ['strict', STRICT],
  ])('works behind the %s settings of helmet', async (_name, before) => {
    const { url } = await serve({ framework, at: '/a/b', before })
    await expectPage(url)
  })

  test('works behind an nginx that removes a prefix, and behind one that keeps it', async () => {
    const { port } = await serve({ framework, at: '/a/b' })
    const proxy = await nginx(
      (own) => `server {
        listen ${own};
        location /tools/ { proxy_pass http://127.0.0.1:${port}/; }
        location /a/ { proxy_pass http://127.0.0.1:${port}; proxy_set_header Host $host; }
      }`,
    )
    ending.push(() => proxy.stop())
    for (const path of ['/tools/a/b', '/a/b']) {
      await expectPage(`${proxy.url}${path}/`)
      await expectPage(`${proxy.url}${path}`, `${proxy.url}${path}/`)
    }
  })

  test('can be framed only by an origin that is listed', async () => {
    const parent = await serve({ framework, at: '/none', pages: { '/outside': BLANK } })
    // Another site for the browser than that of the pane.
    const listed = `http://localhost:${parent.port}`
    const pane = createPane({ frameAncestors: [listed] })
    // Browsers ignore X-Frame-Options beside frame-ancestors.
    const { url } = await serve({ framework, at: '/keys', before: STRICT }, pane)
    const { url: byDefault } = await serve({ framework, at: '/keys' })

    const allowed = await framed(`${listed}/outside`, url)
    await allowed.heading.waitFor()
    expect(allowed.problems).toEqual([])
    for (const [outside, inside] of [
      [`http://127.0.0.1:${parent.port}/outside`, url],
      [`${listed}/outside`, byDefault],
    ] as const) {
      const { heading, problems } = await framed(outside, inside)
      await expect.poll(() => problems.join()).toContain('frame-ancestors')
      expect(await heading.count()).toBe(0)
    }
  })
})

const BLANK = '<!doctype html><link rel="icon" href="data:,">'

/** Opens a page, and the pane in a frame of it. */
async function framed(outside: string, url: string) {
  const { page, problems, close } = await openPage(browser)
  ending.push(close)
  await page.goto(outside)
  await page.setContent(`<iframe src="${url}"></iframe>`)
  const heading = page.frameLocator('iframe').getByRole('heading', { name: 'API keys' })
  return { heading, problems }
}

describe('secureHeaders of Hono', () => {
  test.each([
    ['default', secureHeaders()],
    [
      'strict',
      secureHeaders({
        contentSecurityPolicy: {
          defaultSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          requireTrustedTypesFor: ["'script'"],
          trustedTypes: ["'none'"],
        },
        crossOriginEmbedderPolicy: true,
        xFrameOptions: 'DENY',
      }),
    ],
  ])('do not disturb the page: %s settings', async (_name, beforeHono) => {
    const { url } = await serve({ framework: 'Hono', at: '/a/b', beforeHono })
    await expectPage(url)
  })
})

describe('the policy of the page, in a browser', () => {
  test.each([
    ['script-src-elem', "import('http://127.0.0.1:1/a.js').catch(() => {})"],
    ['style-src-attr', "document.body.setAttribute('style', 'color: red')"],
    [
      'style-src-elem',
      "document.head.append(Object.assign(document.createElement('style'), { textContent: 'p {}' }))",
    ],
    ['img-src', "new Image().src = 'http://127.0.0.1:1/a.png'"],
    ['connect-src', "fetch('http://127.0.0.1:1/').catch(() => {})"],
    [
      'frame-src',
      "document.body.append(Object.assign(document.createElement('iframe'), { src: 'http://127.0.0.1:1/' }))",
    ],
    [
      'base-uri',
      "document.head.append(Object.assign(document.createElement('base'), { href: 'http://127.0.0.1:1/' }))",
    ],
    [
      'form-action',
      "const f = document.createElement('form'); f.action = '/'; document.body.append(f); f.submit()",
    ],
    ['require-trusted-types-for', "try { document.body.innerHTML = '<b>' } catch {}"],
  ])('is enforced: %s', async (directive, code) => {
    const { url } = await serve({ at: '/keys' })
    const { page, problems, close } = await openPage(browser)
    ending.push(close)
    await page.goto(url)
    await page.getByRole('heading', { name: 'API keys' }).waitFor()
    expect(problems).toEqual([])
    await page.evaluate(code)
    await expect.poll(() => problems).toContain(`error: policy: ${directive}`)
  })
})

describe('the accent color, in a browser', () => {
  // The colors as the browser paints them, in the two schemes of the style sheet.
  test.each(['#4f46e5', '#ffd166', '#111111', '#00ff00', '#ffffff', undefined])(
    'has contrast on every surface of the style sheet: %s',
    async (accent) => {
      const { url } = await serve({ at: '/keys' }, createPane({ accent }))
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, close } = await openPage(browser, { colorScheme, bypassCSP: true })
        ending.push(close)
        await page.goto(url)
        const colors = await page.evaluate(paintedColors, [
          '--tk-accent',
          '--tk-on-accent',
          '--tk-accent-soft',
          '--tk-surface',
          '--tk-raised',
          '--tk-hover',
        ])
        const [text = '', onAccent = '', ...surfaces] = colors
        for (const [one, other] of [[onAccent, text], ...surfaces.map((each) => [each, text])])
          expect(
            contrast(one ?? '', other ?? ''),
            `${colorScheme} ${colors}`,
          ).toBeGreaterThanOrEqual(4.5)
      }
    },
  )
})

test('axe finds nothing wrong with the page', async () => {
  const { url } = await serve({ at: '/keys' })
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, close } = await openPage(browser, { colorScheme, bypassCSP: true })
    ending.push(close)
    await page.goto(url)
    await page.getByRole('heading', { name: 'API keys' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
  }
})
