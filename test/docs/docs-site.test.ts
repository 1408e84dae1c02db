import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const site = mkdtempSync(join(cache, 'twinkey-site-'))
afterAll(() => rmSync(site, { recursive: true, force: true }))

const { typedocOptions } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const records = readdirSync(join(root, 'docs/design')).map((name) => `design/${name}`)
const guides = [...readdirSync(join(root, 'docs')), ...records].filter((name) =>
  name.endsWith('.md'),
)

beforeAll(() => {
  // Types are checked by a step of their own.
  const args = [
    join(root, 'node_modules/typedoc/bin/typedoc'),
    '--skipErrorChecking',
    '--out',
    site,
    '--logLevel',
    'Warn',
  ]
  execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
})

describe('the site of the documentation', () => {
  test('has every page, and the search', () => {
    expect(pages().length).toBeGreaterThan(100)
    expect(existsSync(join(site, 'assets/search.js'))).toBe(true)
  })

  test('has no dead link', () => {
    expect(deadLinks()).toEqual([])
  })

  test('reports a dead link, a dead anchor and a missing picture', () => {
    const planted = join(site, 'documents/planted.html')
    writeFileSync(
      planted,
      '<h1 id="here"></h1><a href="#here"></a><a href="gone.html"></a><a href="Errors.html#gone"></a><img src="../gone.svg">',
    )
    try {
      expect(deadLinks()).toEqual(
        ['gone.html', 'Errors.html#gone', '../gone.svg'].map(
          (link) => `documents/planted.html: ${link}`,
        ),
      )
    } finally {
      rmSync(planted)
    }
  })

  test('has its parts in the order of package.json', () => {
    const order = navigation().map(({ text }) => typedocOptions.groupOrder.indexOf(text))
    expect(order).toEqual(typedocOptions.groupOrder.map((_: string, index: number) => index))
  })

  test('loads nothing from elsewhere', () => {
    const loads = /<(?:script|link|img|iframe)[^>]*\s(?:src|href)="(?:https?:)?\/\//
    expect(pages().filter((page) => loads.test(readFileSync(join(site, page), 'utf8')))).toEqual([])
  })

  test.each(guides)(
    'has docs/%s, with a title and a group, in its order and its search',
    (name) => {
      const [, title, group] =
        /^---\ntitle: (.+)\ngroup: (.+)\n---\n/.exec(
          readFileSync(join(root, 'docs', name), 'utf8'),
        ) ?? []
      expect(typedocOptions.groupOrder).toContain(group)
      const entry = navigation()
        .find(({ text }) => text === group)
        ?.children?.find(({ text }) => text === title)
      expect(pages()).toContain(entry?.path)
      expect(unpacked('search')).toContain(JSON.stringify(entry?.path))
    },
  )
})

describe('the decision records', () => {
  test('are the six of docs/design', () => {
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

function pages(): string[] {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll('\\', '/'),
  )
  return files.filter((path) => path.endsWith('.html')).sort()
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
  return pages().flatMap((page) => {
    const links = [
      ...readFileSync(join(site, page), 'utf8').matchAll(/\s(?:href|src)="([^"]*)"/g),
    ].map(([, link]) => link ?? '')
    const dead = links.filter((link) => {
      if (/^(?:[a-z]+:|\/\/)/.test(link)) return false
      const [path = '', anchor = ''] = decodeURIComponent(link.replaceAll('&amp;', '&')).split('#')
      const file = path === '' ? join(site, page) : resolve(site, dirname(page), path)
      // A link that leaves the site is dead wherever the site is hosted.
      if (relative(site, file).startsWith('..') || !existsSync(file) || !statSync(file).isFile())
        return true
      return anchor !== '' && file.endsWith('.html') && !anchorsOf(file).has(anchor)
    })
    return [...new Set(dead)].map((link) => `${page}: ${link}`)
  })
}

interface Entry {
  readonly text: string
  readonly path?: string
  readonly children?: readonly Entry[]
}

function navigation(): readonly Entry[] {
  return JSON.parse(unpacked('navigation'))
}

// What the scripts of the site unpack in the browser.
function unpacked(name: 'navigation' | 'search'): string {
  const [, packed = ''] =
    /"([A-Za-z0-9+/=]{100,})"/.exec(readFileSync(join(site, `assets/${name}.js`), 'utf8')) ?? []
  return inflateSync(Buffer.from(packed, 'base64')).toString()
}
