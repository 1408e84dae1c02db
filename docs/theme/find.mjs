// Pages about Twinkey itself answer fewer questions than guides.
const WEIGHTS = {
  'Design decisions': 0.3,
  Project: 0.3,
  'Serve existing clients': 0.6,
  Reference: 0.8,
}
const MOST_PAGES = 6
const MOST_SECTIONS = 2
const MOST_SYMBOLS = 6

/**
 * Finds pages, each with its best sections, and symbols of the API. Pages come first, unless the
 * query is the exact name of a symbol.
 */
export function find({ pages, symbols }, query) {
  const words = query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []
  if (words.length === 0) return { pages: [], symbols: [], symbolsFirst: false }
  const search = { words: words.map(pattern), phrase: pattern(words.join(' ')) }
  const foundPages = pages.map((page) => scorePage(page, search)).filter(({ score }) => score > 0)
  const foundSymbols = symbols
    .map((symbol) => ({ symbol, score: scoreSymbol(symbol, words) }))
    .filter(({ score }) => score > 0)
  const name = query.trim()
  return {
    pages: best(foundPages, MOST_PAGES),
    symbols: best(foundSymbols, MOST_SYMBOLS).map(({ symbol }) => symbol),
    symbolsFirst: /[a-z][A-Z]/.test(name) && symbols.some((symbol) => symbol.name === name),
  }
}

function scorePage(page, { words, phrase }) {
  const { title, keywords, sections } = page
  const named = words.map((word) => 12 * hits(word, title) + 10 * hits(word, keywords))
  const whole = (phrase.test(title) ? 20 : 0) + (phrase.test(keywords) ? 16 : 0)
  const found = sections
    .map((section) => {
      const each = words.map(
        (word, index) =>
          named[index] || 6 * hits(word, section.heading) + Math.min(3, count(word, section.text)),
      )
      // Every word must be somewhere.
      if (each.some((score) => score === 0)) return { section, score: 0 }
      const own = words.reduce(
        (sum, word) =>
          sum + 6 * hits(word, section.heading) + Math.min(3, count(word, section.text)),
        0,
      )
      const exact = (phrase.test(section.heading) ? 10 : 0) + (phrase.test(section.text) ? 4 : 0)
      return { section, score: own + exact }
    })
    .filter(({ score }) => score > 0)
  const top = best(found, MOST_SECTIONS)
  const own = named.every((score) => score > 0) ? 10 : 0
  if (own === 0 && top.length === 0) return { page, sections: [], score: 0 }
  const sum = named.reduce((all, score) => all + score, 0) + whole + own + (top[0]?.score ?? 0)
  return {
    page,
    sections: top.map(({ section }) => section),
    score: sum * (WEIGHTS[page.group] ?? 1),
  }
}

function scoreSymbol({ name, text }, words) {
  const lower = name.toLowerCase()
  const parts = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  const scores = words.map((word) => {
    if (lower === word) return 40
    if (lower.startsWith(word)) return 12
    if (pattern(word).test(parts)) return 8
    return pattern(word).test(text) ? 1 : 0
  })
  if (scores.some((score) => score === 0)) return 0
  return scores.reduce((sum, score) => sum + score, 0) - name.length / 100
}

/** Matches the other forms of a word too: "expire" finds "expiring". */
export function pattern(word) {
  const stem = word.replace(/(?<=\p{L}{4})(?:ing|es|ed|e|s)$/u, '')
  return new RegExp(`(?<![\\p{L}\\p{N}])${stem}`, 'iu')
}

function hits(word, text) {
  return word.test(text) ? 1 : 0
}

function count(word, text) {
  return text.match(new RegExp(word, 'giu'))?.length ?? 0
}

function best(found, most) {
  return found.sort((one, other) => other.score - one.score).slice(0, most)
}
