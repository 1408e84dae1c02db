import type { Locator, Page } from 'playwright-core'
import type { ApiKey, LimitCharge, Limiter, LimitUse, Twinkey } from 'twinkey'
import { createTwinkey } from 'twinkey'
import { type PaneOptions, paneEndpoints } from 'twinkey/pane'
import { expect } from 'vitest'
import { userOf } from '../endpoints/management/scene.ts'

/** How a person works: with the mouse, or with the keyboard alone. */
export type Hand = 'mouse' | 'keyboard'

const GRANTABLE = {
  tenants: ['acme', 'globex'],
  environments: ['production', 'test'],
  workflows: ['customers.read', 'customers.write'],
}
const SCOPE = { tenants: ['acme'], environments: ['test'], workflows: ['customers.read'] }

/** A pane for owners and for an operator, who are known by their cookie. */
export function createUsersPane(options: Partial<PaneOptions> = {}) {
  const twinkey = createTwinkey({
    prefixes: ['acme'],
    environments: ['production', 'test'],
    limiter: LIMITER,
  })
  const endpoints = paneEndpoints(twinkey, {
    authorize(request) {
      const user = userOf(request)
      if (user === undefined || user === 'ended')
        return new Response(null, { status: 302, headers: { location: '/login' } })
      if (user === 'operator') return { actor: 'operator' }
      if (user === 'admin') return { actor: 'admin', grantable: GRANTABLE }
      if (user === 'reader') return { actor: 'reader', can: ['read'] }
      return { actor: user, owner: user, grantable: GRANTABLE }
    },
    ...options,
  })
  const make = (name: string, more: object = {}) =>
    twinkey.keys.create({ name, owner: 'ada', scope: SCOPE, ...more })
  return { twinkey, endpoints, make }
}

/** Signs a page in. */
export async function signIn(page: Page, url: string, user: string): Promise<void> {
  await page.context().addCookies([{ name: 'user', value: user, url }])
}

/** Does something with an element: by a click, or by moving the focus to it and pressing a key. */
export async function press(hand: Hand, target: Locator, key = 'Enter'): Promise<void> {
  await target.waitFor()
  if (hand === 'mouse') return target.click()
  await tabTo(target)
  await target.page().keyboard.press(key)
}

/** Chooses one of the radio buttons of the topmost dialog, which are one stop of the keyboard. */
export async function choose(hand: Hand, radio: Locator): Promise<void> {
  await radio.waitFor()
  if (hand === 'mouse') return radio.click()
  const { keyboard } = radio.page()
  const all = await dialogOf(radio.page()).getByRole('radio').all()
  for (let presses = 0; presses < 150; presses++) {
    if ((await Promise.all(all.map(isFocused))).includes(true)) break
    await keyboard.press('Tab')
  }
  for (let presses = 0; presses < all.length && !(await radio.isChecked()); presses++)
    await keyboard.press(presses === 0 ? 'Space' : 'ArrowDown')
  expect(await radio.isChecked()).toBe(true)
}

/** Types into a field. */
export async function type(hand: Hand, field: Locator, text: string): Promise<void> {
  await field.waitFor()
  if (hand === 'mouse') return field.fill(text)
  await tabTo(field)
  await field.page().keyboard.press('ControlOrMeta+a')
  await field.page().keyboard.type(text)
}

/** Whether an element has the focus. */
export const isFocused = (target: Locator) =>
  target.evaluate((element) => element === element.ownerDocument.activeElement)

async function tabTo(target: Locator): Promise<void> {
  for (let presses = 0; presses < 150; presses++) {
    if (await isFocused(target)) return
    await target.page().keyboard.press('Tab')
  }
  expect.fail(`the keyboard does not reach ${target}`)
}

/** The topmost dialog. */
export const dialogOf = (page: Page) => page.locator('dialog[open]').last()

/** Creates a key in the page, and stores its secrets. */
export async function createKey(page: Page, hand: Hand, name: string): Promise<string[]> {
  await press(hand, page.getByRole('button', { name: /New key|Create the first key/ }).first())
  const form = dialogOf(page)
  await type(hand, form.getByRole('textbox', { name: 'Name' }), name)
  for (const each of ['acme', 'test', 'customers.read'])
    await press(hand, form.getByRole('checkbox', { name: each, exact: true }), 'Space')
  await press(hand, form.getByRole('button', { name: 'Create key' }))
  return storeSecrets(page, hand)
}

/** Reads the secrets that are shown once, and closes the dialog. */
export async function storeSecrets(page: Page, hand: Hand): Promise<string[]> {
  const shown = page.getByRole('alertdialog')
  await shown.waitFor()
  const secrets = await shown.locator('.secret > code').allTextContents()
  await page.keyboard.press('Escape')
  await page.mouse.click(2, 2)
  expect(await shown.isVisible()).toBe(true)
  await press(hand, shown.getByRole('checkbox'), 'Space')
  await press(hand, shown.getByRole('button', { name: 'Done' }))
  await shown.waitFor({ state: 'detached' })
  // The page then stops asking whether it may be left.
  await page.waitForTimeout(100)
  return secrets
}

/** Opens the sheet of a key from its row. */
export async function openKey(page: Page, hand: Hand, name: string): Promise<Locator> {
  await press(hand, page.getByRole('row').getByRole('link', { name }).or(rowButton(page, name)))
  const sheet = dialogOf(page)
  await sheet.getByRole('heading', { name }).waitFor()
  return sheet
}

const rowButton = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** Whether secrets are accepted. */
export async function accepted(twinkey: Twinkey, secrets: readonly string[]): Promise<boolean[]> {
  const results = []
  for (const secret of secrets) results.push((await twinkey.keys.verify(secret)).ok)
  await twinkey.flush()
  return results
}

/** Everything of the page that could keep a text after a dialog was closed. */
export async function remains(page: Page): Promise<string> {
  return page.evaluate(() => {
    // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
    const { document, location, history, localStorage, sessionStorage } = globalThis as any
    const values = [...document.querySelectorAll('input,textarea')].map(({ value }) => value)
    const kept = [localStorage, sessionStorage, history.state, values].map((each) =>
      JSON.stringify(each),
    )
    return [document.documentElement.outerHTML, location.href, ...kept].join('\n')
  })
}

/** The states of all keys by name. */
export async function statesOf(twinkey: Twinkey): Promise<Record<string, ApiKey['state']>> {
  const { keys } = await twinkey.keys.list({ limit: 100 })
  return Object.fromEntries(keys.map(({ name, state }) => [name, state]))
}

/** A key goes through its whole life in the page. */
export async function lifeOfKey(page: Page, hand: Hand, twinkey: Twinkey): Promise<string[]> {
  const secrets = await createKey(page, hand, 'Billing export')
  expect(await accepted(twinkey, secrets)).toEqual([true, true])
  // Only the primary secret is used from now on.
  await page.reload()
  const sheet = await openKey(page, hand, 'Billing export')
  await press(hand, sheet.getByRole('button', { name: 'Renew…' }))
  await type(hand, await renewUsed(page, hand), 'Billing export')
  await press(
    hand,
    dialogOf(page)
      .getByRole('button', { name: /^Renew the secondary secret$/ })
      .last(),
  )
  const renewed = await storeSecrets(page, hand)
  expect(renewed).toHaveLength(1)
  expect(await accepted(twinkey, [...secrets, ...renewed])).toEqual([true, false, true])
  await page.goBack()
  for (const [verb, state] of [
    ['Disable', 'disabled'],
    ['Enable', 'active'],
  ] as const) {
    await press(hand, dialogOf(page).getByRole('button', { name: `${verb}…` }))
    await press(hand, dialogOf(page).getByRole('button', { name: verb, exact: true }))
    await expect.poll(() => statesOf(twinkey)).toMatchObject({ 'Billing export': state })
    await isBack(page, verb)
  }
  await press(hand, dialogOf(page).getByRole('button', { name: 'Revoke…' }))
  await type(hand, dialogOf(page).getByRole('textbox'), 'Billing export')
  await press(hand, dialogOf(page).getByRole('button', { name: 'Revoke forever' }))
  await expect.poll(() => statesOf(twinkey)).toMatchObject({ 'Billing export': 'revoked' })
  await isBack(page, 'Revoke forever')
  await page.reload()
  const history = dialogOf(page)
  await history.getByText('You created the key').waitFor()
  await history.getByText('You renewed the secondary secret').waitFor()
  await history.getByText('You revoked the key').waitFor()
  return [...secrets, ...renewed]
}

// The page goes back in its history when a confirmation is answered, which would end a reload.
async function isBack(page: Page, confirmation: string): Promise<void> {
  const button = page.getByRole('button', { name: confirmation, exact: true })
  await button.waitFor({ state: 'detached' })
  await page.waitForTimeout(300)
}

// Both secrets were used just now, so the name must be typed.
async function renewUsed(page: Page, hand: Hand): Promise<Locator> {
  await press(hand, dialogOf(page).getByRole('button', { name: /^Renew the secondary secret/ }))
  return dialogOf(page).getByRole('textbox')
}

/** A limiter of which every limit has 94 % left, for 12 minutes. */
const LIMITER: Limiter = {
  onLimiterError: 'refuse',
  consume: (charge) => ({ allowed: true, limits: usesOf(charge) }),
  read: usesOf,
}

function usesOf({ limits, at }: Pick<LimitCharge, 'limits' | 'at'>): LimitUse[] {
  return limits.map((limit) => ({
    limit,
    remaining: Math.floor(limit.requests * 0.94),
    resetsAt: at + 12 * 60_000,
  }))
}
