import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type DebianProgram, debianProgram } from './debian.ts'

const INSTALLED = ['chromium', 'google-chrome', 'google-chrome-stable']
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/browsers', import.meta.url))
const FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-sync',
  '--no-sandbox',
]

/**
 * Starts Chromium: the installed one, the package of Debian, or the build of Playwright on systems
 * where the package is only a stub.
 *
 * @param more Variables of its environment, such as `FONTCONFIG_FILE`.
 */
export async function startBrowser(more: Readonly<Record<string, string>> = {}): Promise<Browser> {
  const { path, env } = await findChromium()
  return chromium.launch({
    executablePath: path,
    args: FLAGS,
    env: { ...(process.env as Record<string, string>), ...env, ...more },
  })
}

async function findChromium(): Promise<DebianProgram> {
  const installed = INSTALLED.find((name) => spawnSync(name, ['--version']).status === 0)
  if (installed !== undefined)
    return { path: spawnSync('which', [installed], { encoding: 'utf8' }).stdout.trim(), env: {} }
  try {
    return await debianProgram('chromium', '--version', fontsOf)
  } catch (cause) {
    return playwrightChromium(cause)
  }
}

// Fontconfig reads /etc/fonts, which may be empty where the browser is not installed.
function fontsOf(root: string): Readonly<Record<string, string>> {
  const file = join(root, 'fonts.conf')
  const cache = join(root, 'fontcache')
  const folders = [join(root, 'usr/share/fonts'), '/usr/share/fonts']
  writeFileSync(
    file,
    `<fontconfig>${folders.map((each) => `<dir>${each}</dir>`).join('')}<cachedir>${cache}</cachedir></fontconfig>`,
  )
  return { FONTCONFIG_FILE: file }
}

function playwrightChromium(cause: unknown): DebianProgram {
  const cli = fileURLToPath(new URL('../../node_modules/playwright-core/cli.js', import.meta.url))
  const env = { PLAYWRIGHT_BROWSERS_PATH: CACHE }
  const { stderr } = spawnSync(process.execPath, [cli, 'install', 'chromium', '--only-shell'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const path = existsSync(CACHE)
    ? readdirSync(CACHE, { recursive: true, encoding: 'utf8' })
        .map((name) => join(CACHE, name))
        .find((name) => /(?:headless_shell|chrome-headless-shell)$/.test(name) && isFile(name))
    : undefined
  if (path !== undefined) return { path, env }
  throw new Error(`Chromium is missing and could not be fetched. Install chromium. ${stderr}`, {
    cause,
  })
}

const isFile = (path: string) => statSync(path).isFile()

/** A page, and everything that a person would see in its console. */
export interface WatchedPage {
  readonly page: Page
  /** Errors of the console, uncaught errors, and violations of the content security policy. */
  readonly problems: readonly string[]
  /** The method and URL of each request that the page has sent. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/** Opens an empty page in a session of its own. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const problems: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      problems.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`))
  page.on('requestfailed', (request) =>
    problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`),
  )
  page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`))
  await page.addInitScript(() => {
    const target = globalThis as unknown as {
      addEventListener(name: string, listen: (event: { violatedDirective: string }) => void): void
    }
    target.addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective}`),
    )
  })
  return { page, problems, requests, close: () => context.close() }
}

/**
 * Returns what axe finds on a page: rules and the elements that break them. Open the page with
 * `bypassCSP: true`, because axe itself breaks its policy.
 */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`))
}

/** Returns the `#rrggbb` of custom properties of the page. Runs in the browser. */
export function paintedColors(names: readonly string[]): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: these tests have no types of the DOM.
  const { document, getComputedStyle } = globalThis as any
  const context = document.createElement('canvas').getContext('2d')
  return names.map((name) => {
    const element = document.createElement('i')
    element.style.color = `var(${name})`
    document.body.append(element)
    context.fillStyle = getComputedStyle(element).color
    context.fillRect(0, 0, 1, 1)
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
    return `#${[red, green, blue].map((each) => each.toString(16).padStart(2, '0')).join('')}`
  })
}
