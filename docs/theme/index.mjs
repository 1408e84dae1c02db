import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ReflectionKind } from 'typedoc'
import { summaryOf, titleOfGroup } from './layout.mjs'

/** The search index: the sections of pages, and the exports of modules. */
export function searchIndex(folder, project, router) {
  const pages = project.groups.flatMap((group) =>
    group.children
      .filter((page) => page.isDocument())
      .map((page) => {
        const url = router.getFullUrl(page)
        return {
          title: page.name,
          group: titleOfGroup(group),
          url,
          keywords: page.frontmatter.keywords ?? '',
          sections: sectionsOf(readFileSync(join(folder, url), 'utf8')),
        }
      }),
  )
  return { pages, symbols: symbolsOf(project, router) }
}

function sectionsOf(html) {
  const [, article = ''] =
    /<div class="tsd-panel tsd-typography">([\s\S]*?)<nav class="n/.exec(html) ?? []
  return article
    .split(/(?=<h[1-6]\b[^>]*\bid=)/)
    .map((part) => {
      const [, level, anchor = '', heading = ''] =
        /^<h([1-6])\b[^>]*\bid="([^"]*)"[^>]*>([\s\S]*?)<a href="#/.exec(part) ?? []
      const text = textOf(part.replace(/^<h[1-6][\s\S]*?<\/h[1-6]>/, ''))
      return {
        heading: level === '1' ? '' : textOf(heading),
        anchor: level === '1' ? '' : anchor,
        text,
      }
    })
    .filter(({ heading, text }) => heading !== '' || text !== '')
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

function textOf(html) {
  return html
    .replace(/<button[\s\S]*?<\/button>/g, '')
    .replace(/<(?:\/?(?:p|li|td|th|pre|h\d)|br)\b[^>]*>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ENTITIES[name])
    .replace(/\s+/g, ' ')
    .trim()
}

function symbolsOf(project, router) {
  const symbols = []
  for (const module of project.children ?? []) {
    if (!module.kindOf(ReflectionKind.Module)) continue
    symbols.push({
      name: module.name,
      in: '',
      url: router.getFullUrl(module),
      text: summaryOf(module),
    })
    for (const each of module.children ?? []) {
      if (each.kindOf(ReflectionKind.Reference)) continue
      const url = router.getFullUrl(each)
      symbols.push({ name: each.name, in: module.name, url, text: summaryOf(each) })
      for (const member of each.children ?? [])
        if (router.hasUrl(member))
          symbols.push({
            name: `${each.name}.${member.name}`,
            in: module.name,
            url: router.getFullUrl(member),
            text: '',
          })
    }
  }
  return symbols
}
