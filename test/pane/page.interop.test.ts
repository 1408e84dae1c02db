import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, startBrowser } from '../support/browser.ts'
import { type PaneHost, startPaneHost } from '../support/pane-host.ts'
import { createPane } from './pane-fixture.ts'

let browser: Browser
let host: PaneHost

beforeAll(async () => {
  host = await startPaneHost(createPane({ title: 'Keys of the company' }), { at: '/keys' })
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await host.close()
})

test('a browser opens the page without the slash, and loads all of it from the host', async () => {
  const { page, problems, requests, close } = await openPage(browser)
  await page.goto(host.url.slice(0, -1))
  await page.getByRole('heading', { name: 'Keys of the company' }).waitFor()
  expect(page.url()).toBe(host.url)
  expect(requests.filter((each) => !each.startsWith(`GET ${host.url.slice(0, -1)}`))).toEqual([])
  expect(requests.filter((each) => each.startsWith(`GET ${host.url}api/`))).not.toEqual([])
  expect(problems).toEqual([])
  await close()
})
