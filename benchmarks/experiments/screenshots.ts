import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { createTwinkey, type Keys } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { paneEndpoints } from 'twinkey/pane'
import { startBrowser } from '../../test/support/browser.ts'
import { type Clock, createClock } from '../../test/support/clock.ts'
import { startPaneHost } from '../../test/support/pane-host.ts'
import { desktopFonts } from './desktop-fonts.ts'
import type { Figure } from './figure.ts'

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const DESK = { viewport: { width: 1280, height: 720 } }
const TALL = { viewport: { width: 1280, height: 860 } }
const LIST = { viewport: { width: 1280, height: 600 } }
const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true }

/** Takes the pictures of the pane in the documentation. */
export const figure: Figure = {
  name: 'screenshots',
  title: 'pictures of the pane, written to docs/screenshots',
  async run() {
    mkdirSync(FOLDER, { recursive: true })
    const clock = createClock(Date.UTC(2026, 10, 28, 12))
    const now = clock.now()
    const twinkey = createTwinkey({ now: clock.now, prefixes: ['acme'] })
    const id = await fill(twinkey.keys, () => twinkey.flush(), clock, now)
    const options = {
      testUrl: 'https://api.acme.example/v1/whoami',
      authorize: () => ({
        actor: 'Ada Lovelace',
        owner: 'ada',
        grantable: {
          tenants: ['acme', 'globex'],
          environments: ['production', 'test'],
          workflows: ['customers.read', 'customers.write', 'flows.read', 'stock.write'],
        },
      }),
    }
    const host = await startPaneHost(paneEndpoints(twinkey, options), { at: '/keys' })
    const empty = await startPaneHost(paneEndpoints(createTwinkey({ now: clock.now }), options), {
      at: '/keys',
    })
    const limited = await limitedKey(clock)
    const browser = await startBrowser({ FONTCONFIG_FILE: await desktopFonts() })
    const taken: string[] = []
    const take = async (
      name: string,
      url: string,
      context: BrowserContextOptions = DESK,
      act: (page: Page) => Promise<unknown> = async () => {},
    ) => {
      const opened = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', ...context })
      const page = await opened.newPage()
      await page.goto(url)
      await page.waitForTimeout(400)
      await act(page)
      await page.waitForTimeout(600)
      await page.screenshot({ path: `${FOLDER}${name}.png`, animations: 'disabled' })
      await opened.close()
      taken.push(name)
    }
    try {
      await take('list', host.url, LIST)
      await take('dark', host.url, { ...LIST, colorScheme: 'dark' })
      await take('phone', host.url, PHONE)
      await take('phone-dark', `${host.url}#/keys/${id}`, { ...PHONE, colorScheme: 'dark' })
      await take('renew', `${host.url}#/keys/${id}/renew`)
      await take('leak', `${host.url}#/keys/${id}/leak`)
      await take('history', `${host.url}#/keys/${id}`)
      await take('empty', empty.url, { viewport: { width: 1280, height: 400 } })
      await take('create', `${empty.url}#/new`, DESK, fillForm)
      await take('once', `${empty.url}#/new`, DESK, async (page) => {
        await fillForm(page)
        await page.getByRole('button', { name: 'Create key' }).click()
        await page.getByRole('alertdialog').waitFor()
      })
      for (const [name, context] of [
        ['', TALL],
        ['-dark', { ...TALL, colorScheme: 'dark' }],
        ['-phone', PHONE],
      ] as const) {
        await take(`limits${name}`, limited.url, context, scrollToEnd)
        await take(`create-limits${name}`, limited.formUrl, context, async (page) => {
          await fillPolicies(page)
          await scrollToEnd(page)
        })
      }
    } finally {
      await limited.close()
      await browser.close()
      await host.close()
      await empty.close()
      await twinkey.close()
    }
    return { ok: taken.length === 16, taken }
  },
}

/** A pane of an operator with one key that has limits and networks, some of them used. */
async function limitedKey(clock: Clock) {
  const limiter = memoryLimiter()
  const twinkey = createTwinkey({ now: clock.now, prefixes: ['acme'], limiter })
  const keys = twinkey.keys.within({ actor: 'Ada Lovelace' })
  const limits = [
    { requests: 1000, perSeconds: 3600 },
    { requests: 50_000, per: 'day', name: 'daily' },
  ] as const
  const { key, primary } = await keys.create({
    name: 'Billing export',
    owner: 'ada',
    scope: { tenants: ['acme'], environments: ['production'], workflows: ['customers.read'] },
    expiresAt: clock.now() + 83 * DAY,
    limits,
    networks: ['192.0.2.0/24', '2001:db8::/32'],
  })
  await twinkey.keys.verify(primary, { address: '192.0.2.7' })
  await twinkey.flush()
  const count = (cost: number, of: (typeof limits)[number]) =>
    limiter.consume({ keyId: key.id, limits: [of], cost, at: clock.now() })
  await count(60, limits[0])
  await count(47_880, limits[1])
  const grantable = {
    tenants: ['acme', 'globex'],
    environments: ['production', 'test'],
    workflows: ['customers.read', 'customers.write', 'flows.read', 'stock.write'],
  }
  const authorize = () => ({ actor: 'Ada Lovelace', grantable })
  const host = await startPaneHost(paneEndpoints(twinkey, { authorize }), { at: '/keys' })
  return {
    url: `${host.url}#/keys/${key.id}`,
    formUrl: `${host.url}#/new`,
    close: async () => {
      await host.close()
      await twinkey.close()
    },
  }
}

async function fillPolicies(page: Page): Promise<void> {
  await fillForm(page)
  await page.getByRole('radio', { name: 'Only these networks' }).check()
  await page
    .getByRole('textbox', { name: 'Only these networks' })
    .fill('192.0.2.0/24\n2001:db8::/32')
  await page.getByRole('radio', { name: 'Its own limits' }).check()
  await page.getByRole('button', { name: 'Add a limit' }).click()
  await page.getByRole('textbox', { name: 'Number of requests' }).last().fill('50000')
  await page.getByRole('combobox').last().selectOption('day')
}

async function scrollToEnd(page: Page): Promise<void> {
  const end = page.locator('.dialog-body > :last-child')
  await end.evaluate((element) => element.scrollIntoView({ block: 'end' }))
}

async function fillForm(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill('Billing export')
  for (const each of ['acme', 'production', 'customers.read'])
    await page.getByRole('checkbox', { name: each, exact: true }).check()
}

/** Fills a store with keys of different ages and states. Returns the id of the first one. */
async function fill(
  keys: Keys,
  flush: () => Promise<void> | undefined,
  clock: Clock,
  now: number,
): Promise<string> {
  const { within } = keys
  const ada = within({ actor: 'Ada Lovelace' })
  const at = (before: number) => clock.advance(now - before - clock.now())
  const make = (name: string, workflows: string[], more: object = {}) =>
    ada.create({
      name,
      owner: 'ada',
      scope: { tenants: ['acme'], environments: ['production'], workflows },
      ...more,
    })
  const use = async (secret: string | null, before: number) => {
    at(before)
    await keys.verify(secret ?? '')
    await flush()
  }
  at(118 * DAY)
  const trial = await make('Trial', ['customers.read'], { expiresAt: now - 5 * DAY })
  const zapier = await make('Zapier', ['customers.read', 'customers.write'])
  at(60 * DAY)
  const partner = await make('Partner sandbox', ['customers.read'], {
    expiresAt: now + 290 * DAY,
  })
  const scanner = await make('Warehouse scanner 7', ['stock.write'], { secondary: false })
  at(30 * DAY)
  const nightly = await make('Nightly import', ['flows.read'], {
    secondary: false,
    expiresAt: now + 6 * DAY,
  })
  const warehouse = await make('Data warehouse', ['flows.read', 'stock.write'])
  at(39 * DAY)
  const billing = await make('Billing export', ['customers.read', 'customers.write'], {
    expiresAt: now + 83 * DAY,
  })
  const { id } = billing.key
  await use(trial.primary, 90 * DAY)
  await use(zapier.primary, 80 * DAY)
  await ada.disable(zapier.key.id)
  at(6 * DAY)
  await ada.update(id, {
    scope: { workflows: ['customers.read', 'customers.write', 'flows.read'] },
  })
  at(4 * DAY)
  await within({ actor: 'Grace Hopper' }).renew(id, { slots: 'secondary' })
  await use(partner.secondary, 5 * HOUR)
  await use(warehouse.primary, 3 * DAY)
  at(15 * HOUR)
  const rotated = await ada.rotate(nightly.key.id, { graceSeconds: 24 * 60 * 60 })
  await use(nightly.primary, 2 * HOUR)
  await use(rotated.primary, HOUR)
  await use(warehouse.secondary, 40 * MINUTE)
  await use(partner.primary, 26 * MINUTE)
  await use(billing.primary, 4 * MINUTE)
  await use(scanner.primary, 0)
  at(0)
  return id
}
