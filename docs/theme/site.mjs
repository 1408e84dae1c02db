import { find, pattern } from './find.mjs'

const root = document.documentElement
const all = (selector, from = document) => Array.from(from.querySelectorAll(selector))
const one = (selector) => document.querySelector(selector)

setUpTheme()
setUpMenu()
setUpCode()
setUpContents()
setUpSearch()

function setUpTheme() {
  const button = one('button.theme')
  const system = matchMedia('(prefers-color-scheme: dark)')
  const isDark = () =>
    root.dataset.theme === 'dark' || (root.dataset.theme === 'os' && system.matches)
  const show = () => button.setAttribute('aria-pressed', String(isDark()))
  button.hidden = false
  show()
  system.addEventListener('change', show)
  button.addEventListener('click', () => {
    const chosen = isDark() ? 'light' : 'dark'
    // If the choice equals the system's theme, follow the system again.
    root.dataset.theme = system.matches === (chosen === 'dark') ? 'os' : chosen
    try {
      localStorage.setItem('theme', root.dataset.theme)
    } catch {}
    show()
  })
}

function setUpMenu() {
  const button = one('button.menu')
  const pages = one('#pages')
  const open = (isOpen) => {
    root.classList.toggle('menu-open', isOpen)
    // The menu covers them.
    for (const each of all('main, nav.contents, footer')) each.inert = isOpen
    button.setAttribute('aria-expanded', String(isOpen))
  }
  button.addEventListener('click', () => open(!root.classList.contains('menu-open')))
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || !root.classList.contains('menu-open')) return
    open(false)
    button.focus()
  })
  // A wide window has no menu.
  matchMedia('(min-width: 861px)').addEventListener('change', () => open(false))
  // Groups that the reader opened stay open on the next page.
  const groups = all(':scope > details', pages)
  try {
    const opened = JSON.parse(sessionStorage.getItem('groups') ?? '[]')
    for (const group of groups) if (opened.includes(group.textContent)) group.open = true
    pages.addEventListener(
      'toggle',
      () => {
        const names = groups.filter(({ open }) => open).map(({ textContent }) => textContent)
        sessionStorage.setItem('groups', JSON.stringify(names))
      },
      true,
    )
  } catch {}
  const current = pages.querySelector('[aria-current]')
  if (current && current.offsetTop > pages.clientHeight - 80)
    pages.scrollTop = current.offsetTop - pages.clientHeight / 2
}

function setUpCode() {
  const status = document.body.appendChild(document.createElement('p'))
  status.role = 'status'
  status.className = 'unseen'
  for (const button of all('.code > button'))
    button.addEventListener('click', async () => {
      const code = button.parentElement.querySelector('code').innerText.trim()
      // Without TLS, a page has no clipboard.
      button.textContent = await Promise.resolve()
        .then(() => navigator.clipboard.writeText(code))
        .then(
          () => 'Copied',
          () => 'Not copied',
        )
      status.textContent = button.textContent
      setTimeout(() => {
        button.textContent = 'Copy'
        status.textContent = ''
      }, 1500)
    })
  // Makes code and tables that scroll reachable by the keyboard.
  const mark = () => {
    for (const each of all('main pre, main .table')) {
      const attributes = {
        tabindex: '0',
        role: 'group',
        'aria-label': each.matches('pre') ? 'Code' : 'Table',
      }
      const scrolls = each.scrollWidth > each.clientWidth
      for (const [name, value] of Object.entries(attributes))
        if (scrolls) each.setAttribute(name, value)
        else each.removeAttribute(name)
    }
  }
  mark()
  addEventListener('resize', mark)
}

function setUpContents() {
  const links = all('nav.contents a')
  const headings = links.map((link) => document.getElementById(link.hash.slice(1)))
  const mark = () => {
    const below = headings.findIndex((each) => each && each.getBoundingClientRect().top > 120)
    const at = Math.max(0, (below === -1 ? headings.length : below) - 1)
    for (const [index, link] of links.entries()) link.classList.toggle('here', index === at)
  }
  if (links.length === 0) return
  mark()
  addEventListener('scroll', mark, { passive: true })
}

function setUpSearch() {
  const dialog = one('#search')
  const input = dialog.querySelector('input')
  const results = one('#results')
  const status = dialog.querySelector('.status')
  let index
  let script
  let at = -1
  if (/mac|iphone|ipad/i.test(navigator.userAgent)) one('.open-search kbd').textContent = '⌘ K'

  const open = () => {
    if (dialog.open) return
    dialog.showModal()
    input.select()
    if (script !== undefined) return
    script = document.head.appendChild(document.createElement('script'))
    script.src = `${root.dataset.base}assets/index.js`
    script.addEventListener('error', () => {
      script = undefined
      status.textContent = 'The search did not load. Try again.'
    })
  }
  globalThis.twinkeyIndex = (loaded) => {
    index = loaded
    show()
  }
  const choose = (next) => {
    const options = all('[role=option]', results)
    if (options.length === 0) return
    options[at]?.setAttribute('aria-selected', 'false')
    at = (next + options.length) % options.length
    options[at].setAttribute('aria-selected', 'true')
    options[at].scrollIntoView({ block: 'nearest' })
    input.setAttribute('aria-activedescendant', options[at].id)
  }
  const show = () => {
    if (index === undefined) return
    const query = input.value.trim()
    const found = find(index, query)
    const lists = [pageItems(found.pages, query), symbolItems(found.symbols, query)]
    if (found.symbolsFirst) lists.reverse()
    results.replaceChildren(...lists.flat())
    for (const [number, option] of all('[role=option]', results).entries())
      option.id = `result-${number}`
    const isEmpty = results.childElementCount === 0
    input.setAttribute('aria-expanded', String(!isEmpty))
    input.removeAttribute('aria-activedescendant')
    status.textContent = isEmpty && query !== '' ? `Nothing found for “${query}”.` : ''
    at = -1
    choose(0)
  }

  one('.open-search').addEventListener('click', open)
  dialog.querySelector('.close').addEventListener('click', () => dialog.close())
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog || event.target.closest('#results a')) dialog.close()
  })
  input.addEventListener('input', show)
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') choose(at + 1)
    else if (event.key === 'ArrowUp') choose(at - 1)
    else if (event.key === 'Enter') all('[role=option] a', results)[at]?.click()
    else return
    event.preventDefault()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'k' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    open()
  })
}

function pageItems(found, query) {
  return found.flatMap(({ page, sections }) => [
    item(
      'page',
      page.url,
      page.title,
      page.group,
      sections[0]?.heading === '' ? sections[0].text : '',
      query,
    ),
    ...sections
      .filter(({ heading }) => heading !== '')
      .map(({ heading, anchor, text }) =>
        item('section', `${page.url}#${anchor}`, heading, '', text, query),
      ),
  ])
}

function symbolItems(found, query) {
  return found.map(({ name, in: module, url, text }) =>
    item('symbol', url, name, module || 'module', text, query),
  )
}

function item(kind, url, title, beside, text, query) {
  const option = document.createElement('li')
  option.role = 'option'
  option.className = kind
  option.ariaSelected = 'false'
  const link = option.appendChild(document.createElement('a'))
  link.href = root.dataset.base + url
  link.tabIndex = -1
  const name = link.appendChild(document.createElement('b'))
  name.append(...marked(title, query))
  if (beside !== '') link.appendChild(document.createElement('i')).textContent = beside
  if (text !== '')
    link.appendChild(document.createElement('span')).append(...marked(excerpt(text, query), query))
  return option
}

function excerpt(text, query) {
  const places = query.split(/\s+/).map((word) => (word === '' ? -1 : text.search(pattern(word))))
  const first = Math.max(0, Math.min(...places.filter((place) => place >= 0), text.length))
  const start = first > 40 && first < text.length ? text.lastIndexOf(' ', first - 24) + 1 : 0
  return `${start > 0 ? '… ' : ''}${text.slice(start, start + 160)}`
}

function marked(text, query) {
  const words = query.match(/[\p{L}\p{N}_]+/gu) ?? []
  if (words.length === 0) return [text]
  const matches = new RegExp(
    `(?:${words.map((word) => pattern(word).source).join('|')})[\\p{L}\\p{N}]*`,
    'giu',
  )
  const parts = []
  let end = 0
  for (const { 0: match, index } of text.matchAll(matches)) {
    const mark = document.createElement('mark')
    mark.textContent = match
    parts.push(text.slice(end, index), mark)
    end = index + match.length
  }
  return [...parts, text.slice(end)]
}
