/**
 * Gives headings the levels of an outline without gaps, which screen readers read out. The level
 * that decides how a heading looks is kept in an attribute.
 */
export function orderedHeadings(html) {
  const above = []
  return html.replace(/<h([1-6])\b([^>]*>[\s\S]*?)<\/h\1>/g, (heading, digit, rest) => {
    const level = Number(digit)
    while (above.length > 0 && above[above.length - 1] >= level) above.pop()
    above.push(level)
    if (above.length === level) return heading
    return `<h${above.length} data-level="${level}"${rest}</h${above.length}>`
  })
}
