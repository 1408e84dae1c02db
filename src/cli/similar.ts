const MAX_EDITS = 2

/** ` Did you mean …?`, or an empty text if no known name resembles the given one. */
export function didYouMean(given: string, known: readonly string[], prefix = ''): string {
  const near = known
    .map((name) => ({ name, edits: name.startsWith(given) ? 1 : editsBetween(given, name) }))
    .filter(({ name, edits }) => edits <= MAX_EDITS && edits < name.length)
    .sort((a, b) => a.edits - b.edits)
  return near[0] === undefined ? '' : ` Did you mean ${prefix}${near[0].name}?`
}

// The Levenshtein distance.
function editsBetween(one: string, other: string): number {
  let above = [...Array(other.length + 1).keys()]
  for (let row = 1; row <= one.length; row++) {
    const here = [row]
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1] ? 0 : 1
      const [left = 0, up = 0, diagonal = 0] = [here[column - 1], above[column], above[column - 1]]
      here.push(Math.min(left + 1, up + 1, diagonal + same))
    }
    above = here
  }
  return above[other.length] ?? 0
}
