import type { Output } from './io.ts'

const GAP = '  '
const MIN_COLUMN = 6
const MIN_WIDTH = 80
const MAX_WIDTH = 120
// East Asian characters and emoji take two cells of a terminal.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const NO_CELL = /\p{M}|\p{Cf}/u

/** One column. */
export interface Column {
  readonly heading: string
  /** Whether cells that are too long stay whole. Default: they are cut. */
  readonly isWhole?: true
  /** Colours a cell below the heading. */
  paint?(cell: string): string
}

/**
 * Aligns rows below headings. On a terminal, cuts cells so that a row fits 80 to 120 columns. Rows
 * for another program are not cut.
 */
export function tableOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { isTerminal, columns: available = MIN_WIDTH }: Output,
): string[] {
  const clean = rows.map((row) => row.map((cell) => cell.replace(/\p{Cf}|\p{Cc}/gu, '')))
  const lines = [columns.map(({ heading }) => heading), ...clean]
  const widths = columns.map((_, at) =>
    lines.reduce((widest, row) => Math.max(widest, cellsOf(row[at] ?? '')), 0),
  )
  if (isTerminal) {
    const room =
      Math.min(Math.max(available, MIN_WIDTH), MAX_WIDTH) - GAP.length * (widths.length - 1)
    shrink(widths, columns, room)
  }
  return lines.map((row, line) =>
    row
      .map((cell, at) => {
        const shown = fitted(cell, widths[at] ?? 0)
        return line === 0 ? shown : (columns[at]?.paint?.(shown) ?? shown)
      })
      .join(GAP)
      .trimEnd(),
  )
}

// Takes cells from the widest column until the row fits.
function shrink(widths: number[], columns: readonly Column[], room: number): void {
  for (let excess = widths.reduce((sum, each) => sum + each, 0) - room; excess > 0; excess--) {
    const cut = widths.map((width, at) => (columns[at]?.isWhole ? 0 : width))
    const widest = Math.max(...cut)
    if (widest <= MIN_COLUMN) return
    widths[cut.indexOf(widest)] = widest - 1
  }
}

function fitted(text: string, width: number): string {
  if (cellsOf(text) <= width) return text + ' '.repeat(width - cellsOf(text))
  let cut = ''
  for (const character of text) {
    if (cellsOf(cut + character) > width - 1) break
    cut += character
  }
  return `${cut}…${' '.repeat(width - 1 - cellsOf(cut))}`
}

/** The cells of a terminal that a text takes. */
export function cellsOf(text: string): number {
  let cells = 0
  for (const character of text) cells += NO_CELL.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return cells
}
