import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { find } from '../../docs/theme/find.mjs'
import { buildDocsSite, type DocsSite } from '../support/docs-site.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { typedocOptions } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const records = readdirSync(join(root, 'docs/design')).map((name) => `design/${name}`)
const guides = [...readdirSync(join(root, 'docs')), ...records].filter((name) =>
  name.endsWith('.md'),
)

let site: DocsSite
beforeAll(() => {
  site = buildDocsSite()
})
afterAll(() => site?.remove())

describe('the site of the documentation', () => {
  test('has every page', () => {
    expect(site.pages().length).toBeGreaterThan(100)
  })

  test('has no dead link', () => {
    expect(deadLinks()).toEqual([])
  })

  test('reports a dead link, a dead anchor and a missing picture', () => {
    const planted = join(site.folder, 'docs/planted.html')
    writeFileSync(
      planted,
      '<h1 id="here"></h1><a href="#here"></a><a href="gone.html"></a><a href="errors.html#gone"></a><img src="../gone.svg"><source srcset="../gone.png">',
    )
    try {
      expect(deadLinks()).toEqual(
        ['gone.html', 'errors.html#gone', '../gone.svg', '../gone.png'].map(
          (link) => `docs/planted.html: ${link}`,
        ),
      )
    } finally {
      rmSync(planted)
    }
  })

  test('has the colors of the pane', () => {
    const colorsIn = (file: string, prefix: string) => {
      const declarations = readFileSync(join(root, file), 'utf8').matchAll(
        new RegExp(`^ *--${prefix}([a-z-]+): (light-dark\\(.*\\));$`, 'gm'),
      )
      return new Map(Array.from(declarations, ([, name, value]) => [name, value]))
    }
    const pane = colorsIn('src/pane-app/styles/base.css', 'tk-')
    const shared = [...colorsIn('docs/theme/site.css', '')].filter(([name]) => pane.has(name))
    expect(shared.length).toBeGreaterThan(8)
    for (const [name, value] of shared) expect([name, value]).toEqual([name, pane.get(name)])
  })

  test('lists the groups of pages in the order of package.json on every page', () => {
    const titles: Readonly<Record<string, string>> = {
      Modules: 'API reference',
      Design: 'Design decisions',
    }
    const order = typedocOptions.groupOrder.map((group: string) => titles[group] ?? group)
    for (const page of site.pages()) expect([page, groupsOf(page)]).toEqual([page, order])
  })

  test('opens the quick start first', () => {
    const [first] = site.read('index.html').matchAll(/<details open>[\s\S]*?<a href="([^"]+)"/g)
    expect(first?.[1]).toBe('docs/quick-start.html')
  })

  test('loads nothing from elsewhere', () => {
    const loads =
      /<(?:script|link|img|iframe|source)[^>]*\s(?:src|href|srcset)="(?:https?:)?\/\/|@import|url\((?!"?data:)/
    const files = [...site.pages(), 'assets/site.css', 'assets/style.css', 'assets/site.js']
    expect(files.filter((page) => loads.test(site.read(page)))).toEqual([])
  })

  test('gives every page one title, one description and the same for links to it', () => {
    for (const page of site.pages()) {
      const html = site.read(page)
      const titles = Array.from(html.matchAll(/<title>([^<]+)<\/title>/g), ([, title]) => title)
      const descriptions = metaOf(html, 'name="description"')
      expect([page, titles.length, descriptions.length]).toEqual([page, 1, 1])
      expect(`${page}: ${descriptions[0]}`).toMatch(/: \S.{8,}/)
      expect([page, metaOf(html, 'property="og:description"')]).toEqual([page, descriptions])
      const [shared] = metaOf(html, 'property="og:title"')
      const title = page === 'index.html' ? shared : `${shared} · Twinkey`
      expect([page, titles]).toEqual([page, [title]])
    }
  })

  test('names no address of its own without hostedBaseUrl', () => {
    for (const page of site.pages())
      expect(site.read(page)).not.toMatch(/og:(?:url|image)|rel="canonical"/)
  })

  test('has an icon, a link that skips to the content, and one first heading on every page', () => {
    expect(existsSync(join(site.folder, 'assets/favicon.svg'))).toBe(true)
    for (const page of site.pages()) {
      const html = site.read(page)
      const found = [
        /<link rel="icon" href="[^"]*assets\/favicon\.svg"/.test(html),
        html.indexOf('<a class="skip" href="#content">') < html.indexOf('<header'),
        html.match(/<h1\b/g)?.length,
      ]
      expect([page, ...found]).toEqual([page, true, true, 1])
    }
  })

  test('skips no level of headings', () => {
    for (const page of site.pages()) {
      const levels = Array.from(site.read(page).matchAll(/<h([1-6])\b/g), ([, level]) =>
        Number(level),
      )
      const skips = levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1)
      expect([page, skips]).toEqual([page, []])
    }
  })

  test('names the column in each cell of a table, for phones', () => {
    const html = site.read('docs/options.html')
    const columns = new Set(
      Array.from(html.matchAll(/<td role="cell" data-column="([^"]*)"/g), ([, name]) => name),
    )
    expect(columns).toContain('option')
    expect(html).not.toMatch(/<td(?! role="cell" data-column=")/)
  })

  test.each(guides)('has docs/%s under its title in its group and in the search', (name) => {
    const source = readFileSync(join(root, 'docs', name), 'utf8')
    const [, title = '', group = ''] =
      /^---\ntitle: (.+)\ngroup: (.+)\n(?:keywords: .+\n)?(?:description: .+\n)?---\n\n# \1\n/.exec(
        source,
      ) ?? []
    expect(typedocOptions.groupOrder).toContain(group)
    const url = name.startsWith('design/')
      ? name.replace('.md', '.html')
      : `docs/${name.replace('.md', '.html')}`
    const page = site.searchIndex().pages.find((each) => each.url === url)
    expect(page?.title).toBe(title)
    expect(page?.sections.length).toBeGreaterThan(0)
    expect(listOf(site.read('index.html'), page?.group ?? '')).toContain(`href="${url}"`)
  })
})

describe('the start page', () => {
  test('says what Twinkey is, how to install it, and shows the pane and a short program', () => {
    const html = site.read('index.html')
    expect(html).toMatch(/<h1[^>]*>API keys for your own HTTP API/)
    expect(metaOf(html, 'name="description"')[0]).toMatch(/^Twinkey is a TypeScript library/)
    const text = html.replace(/<br\/>/g, '\n').replace(/<[^>]*>/g, '')
    expect(text).toContain('npm install twinkey')
    const program = /<code class="ts">([\s\S]*?)<\/code>/.exec(html)?.[1] ?? ''
    expect(program.split('<br/>').length).toBeLessThanOrEqual(18)
    for (const picture of ['list', 'dark', 'phone', 'phone-dark'])
      expect(html).toContain(`media/${picture}.png`)
  })

  test('links every guide', () => {
    const [, main = ''] = /<main([\s\S]*)<\/main>/.exec(site.read('index.html')) ?? []
    const missing = site
      .searchIndex()
      .pages.filter(({ url }) => url.startsWith('docs/') && !main.includes(`href="${url}"`))
    expect(missing).toEqual([])
  })
})

describe('the search', () => {
  test.each([
    ['rate limit', 'docs/limits.html'],
    ['expire', 'docs/expiring.html'],
    ['nestjs', 'docs/nestjs.html'],
    ['next.js', 'docs/nextjs.html'],
    ['mysql', 'docs/stores.html'],
    ['postgres', 'docs/stores.html'],
    ['rotate', 'docs/rotation.html'],
    ['oauth', 'docs/oauth.html'],
    ['nginx', 'docs/proxies.html'],
    ['leak', 'docs/leaks.html'],
    ['cidr', 'docs/networks.html'],
    ['audit log', 'docs/history.html'],
    ['unkey', 'docs/migrating.html'],
    ['quick', 'docs/quick-start.html'],
  ])('finds %j in %s first', (query, url) => {
    const { pages, symbolsFirst } = find(site.searchIndex(), query)
    expect([pages[0]?.page.url, symbolsFirst]).toEqual([url, false])
  })

  test('finds a symbol of the API before the guides if the query is its name', () => {
    const { symbols, symbolsFirst } = find(site.searchIndex(), 'createTwinkey')
    expect([symbols[0]?.url, symbolsFirst]).toEqual([
      'api/functions/twinkey.createTwinkey.html',
      true,
    ])
  })

  test('finds the section of a page', () => {
    const { pages } = find(site.searchIndex(), 'mysql')
    expect(pages[0]?.sections.map(({ anchor }) => anchor)).toContain('mysql-and-mariadb')
  })

  test('finds nothing for words that no page has, or for none', () => {
    for (const query of ['', ' ', '(', '[*+?', 'rate zzzyzx'])
      expect(find(site.searchIndex(), query)).toEqual({
        pages: [],
        symbols: [],
        symbolsFirst: false,
      })
  })
})

describe('the decision records', () => {
  test('are those of docs/design', () => {
    const names = [
      'cache',
      'compare-and-set',
      'decision-generator',
      'history-and-lists',
      'imported-secrets',
      'pane-delivery',
      'two-secrets',
    ]
    expect(records).toEqual(names.map((name) => `design/${name}.md`))
  })

  test.each(records)(
    'docs/%s gives context, decision, consequences and alternatives in 60 lines',
    (name) => {
      const text = readFileSync(join(root, 'docs', name), 'utf8')
      const headings = Array.from(text.matchAll(/^## (.*)$/gm), ([, heading]) => heading)
      expect(headings).toEqual(['Context', 'Decision', 'Consequences', 'Alternatives'])
      expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
    },
  )
})

function groupsOf(page: string): string[] {
  const [, pages = ''] = /<nav id="pages"([\s\S]*?)<\/nav>/.exec(site.read(page)) ?? []
  return Array.from(pages.matchAll(/<summary>([^<]*)<\/summary>/g), ([, title]) => title ?? '')
}

function listOf(html: string, group: string): string {
  return (html.split(`<summary>${group}</summary>`)[1] ?? '').split('</details>')[0] ?? ''
}

function metaOf(html: string, name: string): (string | undefined)[] {
  const metas = Array.from(html.matchAll(/<meta [^>]*>/g), ([meta]) => meta)
  return metas
    .filter((meta) => meta.includes(name))
    .map((meta) => /content="([^"]*)"/.exec(meta)?.[1])
}

function deadLinks(): string[] {
  const anchors = new Map<string, Set<string>>()
  const anchorsOf = (file: string) => {
    const known =
      anchors.get(file) ??
      new Set([...readFileSync(file, 'utf8').matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id ?? ''))
    anchors.set(file, known)
    return known
  }
  return site.pages().flatMap((page) => {
    const links = [...site.read(page).matchAll(/\s(?:href|src|srcset)="([^"]*)"/g)].map(
      ([, link]) => link ?? '',
    )
    const dead = links.filter((link) => {
      if (/^(?:[a-z]+:|\/\/)/.test(link)) return false
      const [path = '', anchor = ''] = decodeURIComponent(link.replaceAll('&amp;', '&')).split('#')
      const file = path === '' ? join(site.folder, page) : resolve(site.folder, dirname(page), path)
      // A link that leaves the site is dead wherever the site is hosted.
      if (
        relative(site.folder, file).startsWith('..') ||
        !existsSync(file) ||
        !statSync(file).isFile()
      )
        return true
      return anchor !== '' && file.endsWith('.html') && !anchorsOf(file).has(anchor)
    })
    return [...new Set(dead)].map((link) => `${page}: ${link}`)
  })
}
