import helmet from 'helmet'
import type { Browser, Page, Route } from 'playwright-core'
import type { Twinkey } from 'twinkey'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { axeViolations, openPage, startBrowser } from '../support/browser.ts'
import { PANE_FRAMEWORKS, type PaneHostOptions, startPaneHost } from '../support/pane-host.ts'
import {
  accepted,
  choose,
  createKey,
  createUsersPane,
  dialogOf,
  type Hand,
  isFocused,
  lifeOfKey,
  openKey,
  press,
  remains,
  signIn,
  statesOf,
  storeSecrets,
  type as write,
} from './flow.ts'

let browser: Browser
const ending: (() => unknown)[] = []

beforeAll(async () => {
  browser = await startBrowser()
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(() => browser.close())

const STRICT = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } },
  crossOriginEmbedderPolicy: true,
  crossOriginResourcePolicy: { policy: 'same-origin' },
  xFrameOptions: { action: 'deny' },
})

interface Scene {
  readonly page: Page
  readonly url: string
  readonly twinkey: Twinkey
  readonly make: ReturnType<typeof createUsersPane>['make']
  /** Problems but those that the test causes. */
  problems(): readonly string[]
  readonly requests: readonly string[]
}

async function open(
  user = 'ada',
  {
    prepare = async () => {},
    pane = {},
    ...options
  }: Partial<PaneHostOptions> & {
    prepare?: (make: Scene['make'], twinkey: Twinkey) => Promise<unknown>
    pane?: Parameters<typeof createUsersPane>[0]
    context?: Parameters<typeof openPage>[1]
  } = {},
): Promise<Scene> {
  const { twinkey, endpoints, make } = createUsersPane(pane)
  await prepare(make, twinkey)
  const host = await startPaneHost(endpoints, { at: '/a/b', before: STRICT, ...options })
  ending.push(() => host.close())
  const { page, problems, requests, close } = await openPage(browser, options.context)
  ending.push(close)
  page.setDefaultTimeout(10_000)
  await signIn(page, host.url, user)
  await page.goto(host.url)
  const meant = /net::ERR_|status of (?:4|5)\d\d/
  return {
    page,
    url: host.url,
    twinkey,
    make,
    requests,
    problems: () => problems.filter((each) => !meant.test(each)),
  }
}

describe.each(PANE_FRAMEWORKS)('on %s', (framework) => {
  test.each([
    ['mouse', '/a/b'],
    ['keyboard', '/a/b'],
    ['mouse', '/'],
  ] as const)('a key goes through its whole life by %s, with the page at %s', async (hand, at) => {
    const { page, url, twinkey, requests, problems } = await open('ada', { framework, at })
    expect(new URL(url).pathname).toBe(at === '/' ? '/' : `${at}/`)
    const secrets = await lifeOfKey(page, hand, twinkey)
    const seen = [await remains(page), ...requests].join('\n')
    for (const secret of secrets) expect(seen).not.toContain(secret.slice(-40))
    expect(problems()).toEqual([])
  })
})

describe.each(['mouse', 'keyboard'] as const satisfies readonly Hand[])('by %s', (hand) => {
  test('a secret that leaked is renewed, and the other one works on', async () => {
    let secrets: string[] = []
    const { page, twinkey, problems } = await open('ada', {
      prepare: async (make) => {
        const { primary, secondary } = await make('Export')
        secrets = [primary, secondary as string]
      },
    })
    const sheet = await openKey(page, hand, 'Export')
    await press(hand, sheet.getByText('A secret leaked…'))
    await choose(hand, dialogOf(page).getByRole('radio', { name: /Secondary/ }))
    await press(hand, dialogOf(page).getByRole('button', { name: 'Renew it now' }))
    secrets.push(...(await storeSecrets(page, hand)))
    expect(await accepted(twinkey, secrets)).toEqual([true, false, true])
    expect(problems()).toEqual([])
  })

  test('both secrets are renewed if nobody knows which one leaked', async () => {
    let secrets: string[] = []
    const { page, twinkey } = await open('ada', {
      prepare: async (make, twinkey) => {
        const { primary, secondary } = await make('Export')
        secrets = [primary, secondary as string]
        // In use, so the name must be typed.
        await accepted(twinkey, secrets)
      },
    })
    const sheet = await openKey(page, hand, 'Export')
    await press(hand, sheet.getByText('A secret leaked…'))
    await choose(hand, dialogOf(page).getByRole('radio', { name: /Both/ }))
    await write(hand, dialogOf(page).getByRole('textbox'), 'Export')
    await press(hand, dialogOf(page).getByRole('button', { name: 'Renew both now' }))
    secrets.push(...(await storeSecrets(page, hand)))
    expect(await accepted(twinkey, secrets)).toEqual([false, false, true, true])
  })

  test('a key with one secret is rotated, and its old secret ended', async () => {
    let first = ''
    const { page, twinkey } = await open('ada', {
      prepare: async (make) => {
        first = (await make('Scanner', { secondary: false })).primary
      },
    })
    const sheet = await openKey(page, hand, 'Scanner')
    await press(hand, sheet.getByRole('button', { name: 'Renew…' }))
    await press(hand, dialogOf(page).getByRole('button', { name: 'Renew the secret', exact: true }))
    const [next = ''] = await storeSecrets(page, hand)
    expect(await accepted(twinkey, [next])).toEqual([true])
    await press(hand, dialogOf(page).getByRole('button', { name: 'End the old secret now' }))
    const confirmed = dialogOf(page).getByRole('button', { name: 'End the old secret now' }).last()
    if (await confirmed.isVisible().catch(() => false)) await press(hand, confirmed)
    await expect.poll(async () => (await accepted(twinkey, [first]))[0]).toBe(false)
    expect(await accepted(twinkey, [next])).toEqual([true])
  })

  test('a change of somebody else is shown, and what was typed is kept', async () => {
    let id = ''
    const { page, twinkey } = await open('ada', {
      prepare: async (make) => {
        id = (await make('Export')).key.id
      },
    })
    const sheet = await openKey(page, hand, 'Export')
    await press(hand, sheet.getByRole('button', { name: 'Edit…' }))
    const name = dialogOf(page).getByRole('textbox', { name: 'Name' })
    await write(hand, name, 'My export')
    await twinkey.keys.update(id, { name: 'Changed meanwhile' })
    await press(hand, dialogOf(page).getByRole('button', { name: 'Save' }))
    await page.getByText('Someone else changed this key. It was reloaded.').waitFor()
    expect(await name.inputValue()).toBe('My export')
    await press(hand, dialogOf(page).getByRole('button', { name: 'Save' }))
    await expect.poll(() => statesOf(twinkey)).toEqual({ 'My export': 'active' })
  })

  test('a key gets networks and limits, and shows what is left of them', async () => {
    let id = ''
    const { page, twinkey, problems } = await open('operator', {
      prepare: async (make) => {
        id = (await make('Export')).key.id
      },
    })
    const sheet = await openKey(page, hand, 'Export')
    await sheet.getByText('Any network').waitFor()
    await press(hand, sheet.getByRole('button', { name: 'Edit…' }))
    const form = dialogOf(page)
    const pick = (from: string, to: string) =>
      hand === 'mouse'
        ? form.getByRole('radio', { name: to }).click()
        : press(hand, form.getByRole('radio', { name: from }), 'ArrowDown')
    expect(await form.getByRole('checkbox', { name: /exchanged/ }).count()).toBe(0)
    await pick('Any network', 'Only these networks')
    const networks = form.getByRole('textbox', { name: 'Only these networks' })
    await write(hand, networks, '192.0.2')
    await pick('Default limits', 'Own limits')
    await press(hand, form.getByRole('button', { name: 'Add a limit' }))
    const added = form.getByRole('textbox', { name: 'Number of requests' }).last()
    await expect.poll(() => isFocused(added)).toBe(true)
    const save = form.getByRole('button', { name: 'Save' })
    await press(hand, save)
    await form.getByText('Enter how many requests').waitFor()
    await expect.poll(() => isFocused(added)).toBe(true)
    await write(hand, added, '50,000')
    const window = form.getByRole('combobox').last()
    if (hand === 'mouse') await window.selectOption('day')
    else for (const key of ['ArrowDown', 'ArrowDown']) await press(hand, window, key)
    await press(hand, save)
    await form.getByText('Must have networks in CIDR notation').waitFor()
    await expect.poll(() => isFocused(networks)).toBe(true)
    await write(hand, networks, '192.0.2.0/24, 2001:db8::/32')
    expect(await form.getByText('Must have networks').count()).toBe(0)
    await press(hand, save)
    await expect
      .poll(() => twinkey.keys.get(id))
      .toMatchObject({
        limits: [
          { requests: 1000, perSeconds: 60 },
          { requests: 50_000, per: 'day' },
        ],
        networks: ['192.0.2.0/24', '2001:db8::/32'],
        tokens: false,
      })
    const limits = dialogOf(page).locator('.limits > li')
    await expect
      .poll(() => limits.allInnerTexts())
      .toEqual([
        expect.stringMatching(/^1,000 requests a minute\s+940 of 1,000 left, resets in 12 min$/),
        expect.stringMatching(
          /^50,000 requests a day \(UTC\)\s+47,000 of 50,000 left, resets in 12 min$/,
        ),
      ])
    await dialogOf(page).getByText('Networks: only 192.0.2.0/24, 2001:db8::/32').waitFor()
    await page.route('**/usage', (route) => route.fulfill({ status: 503, body: '' }))
    await page.reload()
    await page.getByText('What is left cannot be read right now.').waitFor()
    expect(await limits.allInnerTexts()).toEqual([
      '1,000 requests a minute',
      '50,000 requests a day (UTC)',
    ])
    expect(problems()).toEqual([])
  })
})

test('a pasted secret is not sent: its key is found by its id', async () => {
  let secret = ''
  const { page, requests } = await open('ada', {
    prepare: async (make) => {
      await make('Other')
      secret = (await make('Export')).primary
    },
  })
  await page.getByRole('searchbox').fill(secret)
  await page.getByText('The secret was not sent.').waitFor()
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  expect(await page.getByRole('searchbox').inputValue()).toBe(secret.slice(5, 21))
  expect(requests.join('\n')).not.toContain(secret.slice(-40))
  for (const [text, count] of [
    ['exp', 1],
    [secret.slice(-4), 1],
    ['nothing like it', 0],
  ] as const) {
    await page.getByRole('searchbox').fill(text)
    await expect.poll(() => page.locator('tbody tr').count()).toBe(count)
  }
})

test('more than one page of keys is loaded', async () => {
  const { page } = await open('ada', {
    prepare: async (make) => {
      for (let i = 0; i < 120; i++) await make(`Key ${i}`)
    },
  })
  const rows = page.locator('tbody tr')
  for (let presses = 0; (await rows.count()) < 120 && presses < 10; presses++) {
    await page.getByRole('button', { name: 'Load more' }).click()
    await page.waitForTimeout(300)
  }
  expect(await rows.count()).toBe(120)
})

test('more of a search by name and last four characters is loaded', async () => {
  let hint = ''
  const { page } = await open('ada', {
    prepare: async (make) => {
      hint = (await make('By its secret')).key.primary.hint
      for (let i = 0; i < 60; i++) await make(`${hint} ${i}`)
    },
  })
  const rows = page.locator('tbody tr')
  await page.getByRole('searchbox').fill(hint)
  await expect.poll(() => rows.count()).toBe(51)
  await page.getByRole('button', { name: 'Load more' }).click()
  await expect.poll(() => rows.count()).toBe(61)
  expect(await page.getByRole('button', { name: 'Load more' }).count()).toBe(0)
  expect(new Set(await page.locator('tbody .name').allTextContents()).size).toBe(61)
})

describe('text that was typed into a form', () => {
  test.each(['Escape', 'the button', 'going back'])('is kept after %s', async (way) => {
    const { page, twinkey } = await open()
    const create = page.getByRole('button', { name: 'Create the first key' })
    await create.click()
    const form = dialogOf(page)
    const name = form.getByRole('textbox', { name: 'Name' })
    await name.fill('Half a key')
    await form.getByRole('checkbox', { name: 'acme', exact: true }).check()
    if (way === 'Escape') await page.keyboard.press('Escape')
    else if (way === 'going back') await page.goBack()
    else await form.getByRole('button', { name: 'Close' }).click()
    await form.waitFor({ state: 'detached' })
    await create.click()
    await form.getByText('It is not saved yet.').waitFor()
    expect(await name.inputValue()).toBe('Half a key')
    expect(await form.getByRole('checkbox', { name: 'acme', exact: true }).isChecked()).toBe(true)
    for (const each of ['test', 'customers.read'])
      await form.getByRole('checkbox', { name: each, exact: true }).check()
    await form.getByRole('button', { name: 'Create key' }).click()
    await storeSecrets(page, 'mouse')
    expect(await statesOf(twinkey)).toEqual({ 'Half a key': 'active' })
    await page.getByRole('button', { name: 'New key' }).click()
    expect(await name.inputValue()).toBe('')
    expect(await form.getByText('It is not saved yet.').count()).toBe(0)
  })

  test('can be discarded', async () => {
    const { page } = await open('ada', { prepare: (make) => make('Export') })
    const sheet = await openKey(page, 'mouse', 'Export')
    const edit = sheet.getByRole('button', { name: 'Edit…' })
    await edit.click()
    const name = dialogOf(page).getByRole('textbox', { name: 'Name' })
    await name.fill('Renamed')
    await page.keyboard.press('Escape')
    await edit.click()
    expect(await name.inputValue()).toBe('Renamed')
    await dialogOf(page).getByRole('button', { name: 'Start over' }).click()
    expect(await name.inputValue()).toBe('Export')
    expect(await name.evaluate((each) => each === each.ownerDocument.activeElement)).toBe(true)
  })
})

test('a lost answer creates no second key, even if the form was closed', async () => {
  const { page, twinkey } = await open()
  const form = dialogOf(page)
  await page.getByRole('button', { name: 'Create the first key' }).click()
  await form.getByRole('textbox', { name: 'Name' }).fill('Lost')
  for (const each of ['acme', 'test', 'customers.read'])
    await form.getByRole('checkbox', { name: each, exact: true }).check()
  const lose = async (route: Route) => {
    if (route.request().method() !== 'POST') return route.continue()
    await route.fetch()
    await route.abort()
  }
  await page.route('**/api/keys', lose)
  await form.getByRole('button', { name: 'Create key' }).click()
  await form.getByText('cannot create a second key').waitFor()
  await page.unroute('**/api/keys', lose)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Create the first key' }).click()
  await form.getByRole('button', { name: 'Create key' }).click()
  await page.getByText('the answer with its secrets was lost').waitFor()
  expect((await twinkey.keys.list()).keys).toHaveLength(1)
})

test('the drawing of a pair has a word for each secret, and a row is 56 px high', async () => {
  const { page } = await open('ada', {
    prepare: async (make, twinkey) => {
      await accepted(twinkey, [(await make('Used')).primary])
      await twinkey.keys.disable((await make('Off')).key.id)
      const { id } = (await make('Rotated', { secondary: false })).key
      await twinkey.keys.rotate(id, { graceSeconds: 3600 })
      await make('A key with a long name and networks', { networks: ['192.0.2.0/24'] })
    },
    context: { viewport: { width: 1280, height: 800 } },
  })
  const row = (name: string) =>
    page.locator('tbody tr').filter({ has: page.getByRole('link', { name, exact: true }) })
  await row('Used').waitFor()
  const words = async (name: string) =>
    (await row(name).locator('.rail').allInnerTexts()).map((each) => each.replace(/\s+/g, ' '))
  expect(await words('Used')).toEqual([
    expect.stringMatching(/in use.*used just now/),
    expect.stringMatching(/new.*not used yet/),
  ])
  expect(await words('Off')).toEqual(Array(2).fill(expect.stringMatching(/off.*never used/)))
  expect((await words('Rotated'))[1]).toMatch(/ends in 60 min.*never used|ends in 1 hr.*never used/)
  const heights = await page
    .locator('tbody tr')
    .evaluateAll((rows) => rows.map((each) => each.getBoundingClientRect().height))
  expect(heights).toEqual([56, 56, 56, 56])
  expect(await page.locator('tbody tr').getByText('Limited').count()).toBe(1)
})

test('a session that ends in a form keeps what was typed', async () => {
  const { page, url, twinkey } = await open()
  await page.getByRole('button', { name: /Create the first key/ }).click()
  const form = dialogOf(page)
  await form.getByRole('textbox', { name: 'Name' }).fill('Typed')
  for (const each of ['acme', 'test', 'customers.read'])
    await form.getByRole('checkbox', { name: each, exact: true }).check()
  await signIn(page, url, 'ended')
  await form.getByRole('button', { name: 'Create key' }).click()
  const link = form.getByRole('link', { name: /Sign in/ })
  await link.waitFor()
  expect(await link.getAttribute('href')).toBe(new URL('/login', url).href)
  expect(await form.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Typed')
  await signIn(page, url, 'ada')
  await form.getByRole('button', { name: 'Try again' }).click()
  await storeSecrets(page, 'mouse')
  expect(await statesOf(twinkey)).toEqual({ Typed: 'active' })
})

test('a lost answer creates no second key', async () => {
  const { page, twinkey } = await open()
  await page.getByRole('button', { name: /Create the first key/ }).click()
  const form = dialogOf(page)
  await form.getByRole('textbox', { name: 'Name' }).fill('Lost')
  for (const each of ['acme', 'test', 'customers.read'])
    await form.getByRole('checkbox', { name: each, exact: true }).check()
  const lose = async (route: Route) => {
    if (route.request().method() !== 'POST') return route.continue()
    await route.fetch()
    await route.abort()
  }
  await page.route('**/api/keys', lose)
  await form.getByRole('button', { name: 'Create key' }).click()
  await form.getByText('cannot create a second key').waitFor()
  await page.unroute('**/api/keys', lose)
  await form.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('the answer with its secrets was lost').waitFor()
  expect((await twinkey.keys.list()).keys).toHaveLength(1)
})

test('an operator sees all keys with their owners, and a reader no action', async () => {
  const prepare = async (make: Scene['make']) => {
    await make('Of Ada')
    await make('Of Grace', { owner: 'grace' })
  }
  const operator = await open('operator', { prepare })
  await operator.page.getByRole('columnheader', { name: 'Owner' }).waitFor()
  expect(await operator.page.locator('tbody tr').count()).toBe(2)
  const ada = await open('ada', { prepare })
  await ada.page.getByText('Of Ada').waitFor()
  expect(await ada.page.getByText('Of Grace').count()).toBe(0)
  expect(await ada.page.getByRole('columnheader', { name: 'Owner' }).count()).toBe(0)
  await ada.page.getByRole('button', { name: 'New key' }).click()
  await dialogOf(ada.page)
    .getByRole('group', { name: /^Networks/ })
    .waitFor()
  expect(
    await dialogOf(ada.page)
      .getByRole('group', { name: /^Limits/ })
      .count(),
  ).toBe(0)
  const reader = await open('reader', { prepare })
  await reader.page.getByText('Of Ada').waitFor()
  expect(await reader.page.getByRole('button', { name: 'New key' }).count()).toBe(0)
  const sheet = await openKey(reader.page, 'mouse', 'Of Ada')
  expect(await sheet.getByRole('button', { name: /Renew|Edit|Disable|Revoke/ }).count()).toBe(0)
})

test('a page of another site changes nothing', async () => {
  let id = ''
  const { page, url, twinkey } = await open('ada', {
    prepare: async (make) => {
      id = (await make('Export')).key.id
    },
    // Cookies of the strictest kind would not even be sent.
    before: (_request, response, next) => {
      response.setHeader('Access-Control-Allow-Origin', 'http://localhost')
      next()
    },
  })
  const target = `${url}api/keys/${id}/revoke`
  const page2 = `<form method="post" enctype="text/plain" action="${target}"><input name='{"a":"' value='"}'></form><a href="${target}">x</a>`
  const other = await startPaneHost(createUsersPane().endpoints, {
    at: '/x',
    pages: { '/evil': page2 },
  })
  ending.push(() => other.close())
  await page.goto(`http://localhost:${other.port}/evil`)
  const statuses: number[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(url)) statuses.push(response.status())
  })
  await page.evaluate(async (where) => {
    for (const mode of ['no-cors', 'cors'] as const)
      for (const method of ['GET', 'POST'])
        await fetch(where, {
          method,
          mode,
          credentials: 'include',
          ...(method === 'POST' && { body: '{}' }),
        }).catch(() => {})
  }, target)
  await Promise.all([
    page.waitForResponse((response) => response.url() === target),
    // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
    page.evaluate(() => (globalThis as any).document.forms[0].submit()),
  ])
  // There is no GET on this path.
  expect(statuses.filter((status) => status !== 403 && status !== 405)).toEqual([])
  expect(statuses).toContain(403)
  expect(statuses.length).toBeGreaterThanOrEqual(3)
  expect(await statesOf(twinkey)).toEqual({ Export: 'active' })
})

const LIMITS = [
  { requests: 1000, perSeconds: 60, name: 'burst' },
  { requests: 50_000, per: 'day' },
]

describe.each([
  ['light', 1280],
  ['dark', 390],
] as const)('in %s at %i px', (colorScheme, width) => {
  test('axe finds nothing on any screen', async () => {
    const { page } = await open('admin', {
      prepare: async (make) => {
        await make('Export', { limits: LIMITS, networks: ['192.0.2.0/24'] })
        await make('Scanner', { secondary: false })
      },
      context: { bypassCSP: true, colorScheme, viewport: { width, height: 800 } },
    })
    const found: Record<string, readonly string[]> = {}
    const look = async (screen: string) => {
      await page.waitForTimeout(400)
      found[screen] = await axeViolations(page)
    }
    await page.getByText('Export').first().waitFor()
    await look('list')
    const base = page.url().split('#')[0]
    await openKey(page, 'mouse', 'Export')
    const key = page.url()
    await look('detail')
    for (const screen of ['renew', 'edit', 'leak', 'revoke', 'disable']) {
      await page.goto(`${key}/${screen}`)
      await dialogOf(page).waitFor()
      await look(screen)
    }
    await page.goto(`${base}#/new`)
    for (const name of ['Only these networks', 'Own limits'])
      await dialogOf(page).getByRole('radio', { name }).check()
    await dialogOf(page).getByRole('textbox', { name: 'Number of requests' }).fill('')
    await dialogOf(page).getByRole('button', { name: 'Create key' }).click()
    await look('form with errors')
    await page.goto(`${base}#/`)
    await page.reload()
    const secrets = await createKeyAnd(page, () => look('shown once'))
    expect(secrets).toHaveLength(2)
    expect(Object.entries(found).filter(([, each]) => each.length > 0)).toEqual([])
    expect(Object.keys(found)).toHaveLength(9)
  })
})

async function createKeyAnd(page: Page, look: () => Promise<void>): Promise<string[]> {
  const looked = page.getByRole('alertdialog').waitFor().then(look)
  const [secrets] = await Promise.all([createKeySlowly(page, looked), looked])
  return secrets
}

async function createKeySlowly(page: Page, until: Promise<void>): Promise<string[]> {
  await page.getByRole('button', { name: 'New key' }).click()
  const form = dialogOf(page)
  await form.getByRole('textbox', { name: 'Name' }).fill('Another')
  for (const each of ['acme', 'test', 'customers.read'])
    await form.getByRole('checkbox', { name: each, exact: true }).check()
  await form.getByRole('button', { name: 'Create key' }).click()
  await until
  return storeSecrets(page, 'mouse')
}

test('createKey works on a phone', async () => {
  const { page, twinkey } = await open('ada', {
    context: { viewport: { width: 390, height: 844 } },
  })
  expect(await accepted(twinkey, await createKey(page, 'mouse', 'Phone'))).toEqual([true, true])
})
