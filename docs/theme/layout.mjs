import { JSX, ReflectionKind } from 'typedoc'

const h = JSX.createElement

const MARK = h(
  'svg',
  { viewBox: '0 0 32 32', 'aria-hidden': 'true', class: 'mark' },
  h('circle', { cx: '5', cy: '16', r: '3' }),
  h('path', { d: 'M8.5 16c3.5 0 1.5-7 5-7M8.5 16c3.5 0 1.5 7 5 7' }),
  h('rect', { x: '14.5', y: '18.5', width: '15', height: '9', rx: '3' }),
  h('rect', { x: '13.5', y: '3.5', width: '17', height: '11', rx: '3.5', class: 'used' }),
)
const icon = (d) => h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d }))
const SEARCH = 'M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11ZM13 13l4 4'
const MENU = 'M3 6h14M3 10h14M3 14h14'
const THEME = 'M10 3a7 7 0 1 0 7 7 5 5 0 0 1-7-7Z'

/** The whole page, with the output of a template as its content. */
export function layout(context, template, page) {
  // First, because it finds the headings.
  const content = template(page)
  const kind = page.url === 'index.html' ? 'start' : page.model.isDocument() ? 'guide' : 'api'
  const contents = headingsOf(page)
  return h(
    'html',
    { lang: 'en', 'data-base': context.relativeURL('./') },
    head(context, page),
    h(
      'body',
      { class: kind },
      h('a', { class: 'skip', href: '#content' }, 'Skip to the content'),
      header(context, page),
      h(
        'div',
        { class: 'frame' },
        navigation(context, page),
        h(
          'main',
          { id: 'content', tabIndex: -1 },
          kind !== 'start' && lead(context, page, contents),
          kind === 'api' && title(context, page),
          content,
          kind === 'guide' && neighbours(context, page),
        ),
        kind !== 'start' && contents.length > 1 && contentsBeside(contents),
      ),
      footer(context, page),
      searchDialog(),
    ),
  )
}

function head(context, page) {
  const { model, project } = page
  const isStart = page.url === 'index.html'
  const title = isStart ? `${project.name}: API keys for your own HTTP API` : titleOf(page)
  const text = descriptionOf(page)
  const base = context.options.getValue('hostedBaseUrl')
  const address = (path) => `${base.replace(/\/*$/, '/')}${path}`
  const asset = (name) => context.relativeURL(`assets/${name}`)
  const property = (name, value) => h('meta', { property: `og:${name}`, content: value })
  return h(
    'head',
    null,
    h('meta', { charset: 'utf-8' }),
    h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    h('title', null, isStart ? title : `${title} · ${project.name}`),
    h('meta', { name: 'description', content: text }),
    property('type', isStart ? 'website' : 'article'),
    property('site_name', project.name),
    property('title', title),
    property('description', text),
    // These two must be absolute, and the repository does not know where the site is served.
    base !== '' && property('url', address(isStart ? '' : page.url)),
    base !== '' && property('image', address('media/list.png')),
    base !== '' && property('image:alt', 'The page on which users manage their API keys'),
    base !== '' && h('link', { rel: 'canonical', href: address(isStart ? '' : page.url) }),
    h('meta', { name: 'twitter:card', content: base === '' ? 'summary' : 'summary_large_image' }),
    h('link', { rel: 'icon', href: asset('favicon.svg'), type: 'image/svg+xml' }),
    ...['style.css', 'highlight.css', 'site.css'].map((name) =>
      h('link', { rel: 'stylesheet', href: asset(name) }),
    ),
    h(
      'script',
      null,
      h(JSX.Raw, {
        html: 'document.documentElement.dataset.theme=(()=>{try{return localStorage.getItem("theme")}catch{}})()||"os"',
      }),
    ),
    h('script', { defer: true, src: asset('site.js') }),
    model.isDocument() || isStart ? null : h('script', { async: true, src: asset('icons.js') }),
  )
}

function header(context, { project }) {
  const link = (text, page) => h('a', { href: context.relativeURL(page) }, text)
  return h(
    'header',
    { class: 'top' },
    h(
      'button',
      { type: 'button', class: 'icon menu', 'aria-expanded': 'false', 'aria-controls': 'pages' },
      icon(MENU),
      h('span', { class: 'unseen' }, 'Pages'),
    ),
    h('a', { class: 'home', href: context.relativeURL('index.html') }, MARK, project.name),
    h('span', { class: 'version' }, project.packageVersion),
    h(
      'button',
      { type: 'button', class: 'open-search', 'aria-haspopup': 'dialog' },
      icon(SEARCH),
      h('span', null, 'Search'),
      h('kbd', null, 'Ctrl K'),
    ),
    h(
      'nav',
      { class: 'parts', 'aria-label': 'Parts' },
      link('Quick start', 'docs/quick-start.html'),
      link('Options', 'docs/options.html'),
      link('API', 'modules.html'),
    ),
    h(
      'button',
      { type: 'button', class: 'icon theme', hidden: true },
      icon(THEME),
      h('span', { class: 'unseen' }, 'Dark theme'),
    ),
  )
}

function navigation(context, page) {
  const here = modulesAbove(page.model)
  return h(
    'nav',
    { id: 'pages', 'aria-label': 'Pages' },
    ...page.project.groups.map((group) => {
      const isModules = group.title === 'Modules'
      const isOpen =
        group.title === 'Start' ||
        group.children.some((child) => child === page.model || here.includes(child)) ||
        (isModules && page.url === 'modules.html')
      return h(
        'details',
        { open: isOpen },
        h('summary', null, titleOfGroup(group)),
        h(
          'ul',
          null,
          isModules && h('li', null, pageLink(context, page, 'modules.html', 'All modules')),
          ...group.children.map((child) =>
            h(
              'li',
              null,
              pageLink(context, page, context.router.getFullUrl(child), child.name),
              here.includes(child) && members(context, page, child),
            ),
          ),
        ),
      )
    }),
  )
}

function members(context, page, module) {
  const own = (module.children ?? []).filter((each) => !each.kindOf(ReflectionKind.Reference))
  const names = own.map((each) =>
    h('li', null, pageLink(context, page, context.router.getFullUrl(each), each.name)),
  )
  return h('ul', { class: 'members' }, ...names)
}

function pageLink(context, page, url, text) {
  const current = url === page.url ? { 'aria-current': 'page' } : {}
  return h('a', { href: context.relativeURL(url), ...current }, text)
}

/** The group of the page, and its contents for screens without room at the side. */
function lead(context, page, contents) {
  const [module] = modulesAbove(page.model)
  const isInside = module !== undefined && module !== page.model
  return h(
    'div',
    { class: 'lead' },
    page.model.isDocument()
      ? h('p', null, groupOf(page.model))
      : h(
          'p',
          null,
          isInside
            ? pageLink(context, page, context.router.getFullUrl(module), module.name)
            : 'API reference',
        ),
    contents.length > 1 && foldedContents(contents),
  )
}

function title(context, page) {
  const { model, url } = page
  if (url === 'modules.html') return h('h1', null, 'Modules')
  const kind = model.kindOf(ReflectionKind.Module) ? '' : ReflectionKind.singularString(model.kind)
  return h(
    'h1',
    { class: 'symbol' },
    model.name,
    kind !== '' && h('span', null, ` ${kind.toLowerCase()}`),
    context.reflectionFlags(model),
  )
}

function foldedContents(contents) {
  return h(
    'details',
    { class: 'contents-folded' },
    h('summary', null, 'On this page'),
    contentsList(contents),
  )
}

function contentsBeside(contents) {
  return h(
    'nav',
    { class: 'contents', 'aria-label': 'On this page' },
    h('p', null, 'On this page'),
    contentsList(contents),
  )
}

function contentsList(contents) {
  return h(
    'ul',
    null,
    ...contents.map(({ link, text, level }) =>
      h('li', { class: `level-${level}` }, h('a', { href: link }, text)),
    ),
  )
}

function headingsOf({ pageSections }) {
  return pageSections.flatMap(({ headings }) =>
    headings
      .map(({ link, text, level }) => ({ link, text, level: level ?? 2 }))
      .filter(({ level }) => level === 2 || level === 3),
  )
}

function neighbours(context, page) {
  const guides = page.project.groups.flatMap(({ title, children }) =>
    title === 'Project' ? [] : children.filter((child) => child.isDocument()),
  )
  const at = guides.indexOf(page.model)
  const link = (guide, label, name) =>
    guide !== undefined &&
    h('a', { class: name, href: context.urlTo(guide) }, h('span', null, label), guide.name)
  return h(
    'nav',
    { class: 'neighbours', 'aria-label': 'Previous and next page' },
    at > 0 && link(guides[at - 1], 'Previous', 'previous'),
    at >= 0 && link(guides[at + 1], 'Next', 'next'),
  )
}

function footer(context, { project }) {
  const of = (group) => project.groups.find(({ title }) => title === group)?.children ?? []
  return h(
    'footer',
    null,
    h(
      'nav',
      { 'aria-label': 'Project' },
      ...of('Project').map((each) => h('a', { href: context.urlTo(each) }, each.name)),
    ),
    h(
      'p',
      null,
      'Built with ',
      h('a', { href: 'https://typedoc.org/' }, 'TypeDoc'),
      '. MIT licence.',
    ),
  )
}

function searchDialog() {
  return h(
    'dialog',
    { id: 'search', 'aria-label': 'Search' },
    h(
      'div',
      { class: 'field' },
      icon(SEARCH),
      h('input', {
        type: 'text',
        role: 'combobox',
        'aria-label': 'Search the documentation',
        'aria-expanded': 'false',
        'aria-controls': 'results',
        'aria-autocomplete': 'list',
        placeholder: 'Search the documentation',
        autocomplete: 'off',
        autocapitalize: 'off',
        spellcheck: 'false',
        maxLength: 100,
      }),
      h(
        'button',
        { type: 'button', class: 'close' },
        'Esc',
        h('span', { class: 'unseen' }, ': close'),
      ),
    ),
    h('ul', { id: 'results', role: 'listbox', 'aria-label': 'Results' }),
    h('p', { class: 'status', 'aria-live': 'polite' }),
  )
}

function titleOf({ url, model }) {
  if (url === 'modules.html') return 'API reference'
  return model.name
}

/** The visible title of a group of pages. */
export function titleOfGroup({ title }) {
  if (title === 'Modules') return 'API reference'
  return title === 'Design' ? 'Design decisions' : title
}

function groupOf(page) {
  const group = page.project.groups.find(({ children }) => children.includes(page))
  return group && titleOfGroup(group)
}

function modulesAbove(model) {
  const above = []
  for (let each = model; each !== undefined; each = each.parent)
    if (each.kindOf(ReflectionKind.Module)) above.push(each)
  return above
}

/** One or two sentences about a page. */
function descriptionOf({ url, model, project }) {
  const { readme = [] } = project
  if (url === 'modules.html') return `Every function, class and type of ${project.name}.`
  if (model.isProject()) return firstParagraph(readme)
  if (model.isDocument())
    return model.frontmatter.description ?? (firstParagraph(model.content) || model.name)
  return summaryOf(model) || `${model.name}, in the API reference of ${project.name}.`
}

/** The first paragraph of the doc comment. */
export function summaryOf(model) {
  const comment = model.comment ?? model.signatures?.[0]?.comment
  return firstParagraph(comment?.summary ?? [])
}

function firstParagraph(parts) {
  const text = parts
    .map((part) => part.text)
    .join('')
    .replace(/^(`{3,})[\s\S]*?^\1$/gm, '')
  const paragraph = text.split(/\n\s*\n/).find((each) => /^\s*[\w"*[`@(]/.test(each)) ?? ''
  const plain = paragraph
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim()
  // A sentence that only leads to a list or to code.
  if (plain.endsWith(':') && plain.includes('. '))
    return plain.slice(0, plain.lastIndexOf('. ') + 1)
  if (plain.length <= 200) return plain.replace(/:$/, '.')
  const end = plain.lastIndexOf('. ', 200)
  return end > 60 ? plain.slice(0, end + 1) : `${plain.slice(0, plain.lastIndexOf(' ', 200))} …`
}
