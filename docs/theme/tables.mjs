const ROLES = { thead: 'rowgroup', tbody: 'rowgroup', tr: 'row', th: 'columnheader', td: 'cell' }

/**
 * Gives each cell the name of its column, so that a narrow screen can show a row as a list. The
 * roles of a table stay, even if the style sheet shows a list. Tables contain no tables.
 */
export function readableTables(html) {
  return html.replace(/<table>[\s\S]*?<\/table>/g, (table) => {
    const names = Array.from(table.matchAll(/<th(?: [^>]*)?>([\s\S]*?)<\/th>/g), ([, name]) =>
      name.replace(/<[^>]*>/g, '').replaceAll('"', '&quot;'),
    )
    let column = 0
    const labelled = table
      .replace(/<(table|thead|tbody|tr|th|td)(?=[ >])/g, (start, tag) => {
        if (tag === 'table') return '<table role="table"'
        if (tag === 'tr') column = 0
        const role = `${start} role="${ROLES[tag]}"`
        return tag === 'td' ? `${role} data-column="${names[column++] ?? ''}"` : role
      })
      // An empty corner is not a heading.
      .replace(/<th [^>]*><\/th>/g, '<td role="cell" data-column=""></td>')
      .replace(/(<td [^>]*>)([\s\S]*?)<\/td>/g, '$1<div>$2</div></td>')
    const kind = names.length > 2 ? 'table wide' : 'table'
    return `<div class="${kind}">${labelled}</div>`
  })
}
