import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, startBrowser } from '../support/browser.ts'
import { type PaneHost, startPaneHost } from '../support/pane-host.ts'
import { createUsersPane, lifeOfKey, remains, signIn } from './flow.ts'

let browser: Browser
let host: PaneHost
const { twinkey, endpoints } = createUsersPane()

beforeAll(async () => {
  host = await startPaneHost(endpoints, { at: '/keys' })
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await host.close()
})

test('a key goes through its whole life, and its secrets are nowhere afterwards', async () => {
  const { page, problems, requests, close } = await openPage(browser)
  page.setDefaultTimeout(10_000)
  await signIn(page, host.url, 'ada')
  await page.goto(host.url)
  const secrets = await lifeOfKey(page, 'mouse', twinkey)
  const seen = [await remains(page), ...requests, ...problems].join('\n')
  for (const secret of secrets) expect(seen).not.toContain(secret.slice(-40))
  // A reload ends requests that are under way.
  expect(problems.filter((each) => !each.endsWith('net::ERR_ABORTED'))).toEqual([])
  await close()
})
