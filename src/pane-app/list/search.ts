/** What a person looks for. */
export type Search =
  | { readonly by: 'all' }
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'hint'; readonly hint: string }
  /** Four characters can be the start of a name and the end of a secret. */
  | { readonly by: 'name or hint'; readonly text: string }

// The letters and digits of a secret: id, random part and checksum.
const TAIL_LENGTH = 65
const ID_LENGTH = 16
// An id and 12 more characters.
const LEAST_LENGTH = 28

/**
 * Cuts a text that contains a secret, or much of one, down to the id of its key. Undefined for any
 * other text.
 */
export function idInSecret(text: string): string | undefined {
  const letters = text
    .match(/[0-9A-Za-z]+/g)
    ?.filter(({ length }) => length >= LEAST_LENGTH)
    .at(-1)
  if (letters === undefined) return undefined
  return letters.slice(-TAIL_LENGTH).slice(0, ID_LENGTH)
}

/** Reads the text of the search field. */
export function readSearch(typed: string): Search {
  const text = typed.trim()
  if (text === '') return { by: 'all' }
  if (/^[0-9A-Za-z]{16}$/.test(text)) return { by: 'id', id: text }
  if (/^[0-9A-Za-z]{4}$/.test(text)) return { by: 'name or hint', text }
  const dotted = /^[.·•…]+([0-9A-Za-z]{4})$/.exec(text)?.[1]
  return dotted === undefined ? { by: 'name', name: text } : { by: 'hint', hint: dotted }
}
