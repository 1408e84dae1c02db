// The theme of the documentation site: a plugin of TypeDoc, which package.json names.
//   plugin.mjs    names and addresses of pages, what is written beside them
//   layout.mjs    the frame around each page: header, pages, contents
//   pages.mjs     the start page and the overview of the API
//   headings.mjs  headings without gaps in their levels
//   tables.mjs    tables that a phone can show
//   index.mjs     what the search finds
//   find.mjs      how the search orders it, in the browser
//   site.mjs      the search field, the menu, the theme, in the browser
//   site.css      the look
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import {
  Converter,
  DefaultTheme,
  DefaultThemeRenderContext,
  IndexEvent,
  KindRouter,
  PageEvent,
  ReflectionKind,
  RendererEvent,
} from 'typedoc'
import { orderedHeadings } from './headings.mjs'
import { searchIndex } from './index.mjs'
import { layout } from './layout.mjs'
import { apiPage, members, modulePage, startPage } from './pages.mjs'
import { readableTables } from './tables.mjs'

const FOLDER = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname)
const read = (name) => readFileSync(join(FOLDER, name), 'utf8')

/** Documents are named like their files, so that a new title does not break links. */
class Router extends KindRouter {
  getIdealBaseName(reflection) {
    if (!reflection.isDocument()) return `api/${super.getIdealBaseName(reflection)}`
    const path = reflection.project.files.getReflectionPath(reflection)
    const folder = relative(join(FOLDER, '..'), dirname(path))
    const name = basename(path, '.md').toLowerCase().replaceAll('_', '-')
    return folder === 'design'
      ? `design/${name}`
      : folder === ''
        ? `docs/${name}`
        : `project/${name}`
  }
}

class Context extends DefaultThemeRenderContext {
  defaultLayout = (template, page) => layout(this, template, page)
  indexTemplate = (page) => startPage(this, page)
  members = (model) => members(this, model)
  // The contents beside the page say the same.
  index = () => null
}

class Theme extends DefaultTheme {
  ContextClass = Context

  constructor(renderer) {
    super(renderer)
    const { reflectionTemplate } = this
    this.reflectionTemplate = (page) => {
      const context = this.getRenderContext(page)
      if (page.model.isProject()) return apiPage(context, page)
      if (page.model.kindOf(ReflectionKind.Module)) return modulePage(context, page)
      return reflectionTemplate(page)
    }
  }
}

// The button stays where it is while the code is scrolled.
function copyableCode(html) {
  return html.replace(
    /<pre>([\s\S]*?)<button type="button">Copy<\/button><\/pre>/g,
    '<div class="code"><pre>$1</pre><button type="button">Copy</button></div>',
  )
}

/** Called by TypeDoc. */
export function load(app) {
  app.renderer.defineRouter('twinkey', Router)
  app.renderer.defineTheme('twinkey', Theme)

  // Pages of the repository itself, such as CHANGELOG.md, have no front matter.
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    if (page.frontmatter.group !== undefined) return
    page.name = /^# (.+)$/m.exec(page.content.map(({ text }) => text).join(''))?.[1] ?? page.name
    page.frontmatter.group = 'Project'
  })

  app.renderer.on(PageEvent.END, (page) => {
    page.contents = copyableCode(readableTables(orderedHeadings(page.contents)))
  })

  // The site has a search of its own, which also finds the sections of a page.
  app.renderer.on(IndexEvent.PREPARE_INDEX, (event) => {
    event.searchResults = []
  })
  // After the files of TypeDoc are written.
  app.renderer.on(
    RendererEvent.END,
    ({ outputDirectory, project }) => {
      const assets = join(outputDirectory, 'assets')
      for (const name of ['main.js', 'search.js', 'navigation.js', 'hierarchy.js'])
        rmSync(join(assets, name), { force: true })
      const index = searchIndex(outputDirectory, project, app.renderer.router)
      writeFileSync(join(assets, 'index.js'), `twinkeyIndex(${JSON.stringify(index)})\n`)
      // A script, not modules: those do not load from files.
      const script = `${read('find.mjs')}${read('site.mjs')}`.replace(
        /^(?:import .*|export )/gm,
        '',
      )
      writeFileSync(join(assets, 'site.js'), `{\n${script}}\n`)
      writeFileSync(join(assets, 'site.css'), read('site.css'))
    },
    -1000,
  )
}
