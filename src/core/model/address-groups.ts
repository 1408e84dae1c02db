// The text of an IPv4 or IPv6 address, and its groups of 16 bits: two for IPv4, eight for IPv6.

// As in 0000:0000:0000:0000:0000:ffff:255.255.255.255.
const MAX_LENGTH = 45
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const HEXTET = /^[0-9A-Fa-f]{1,4}$/
const MAPPED = '::ffff:'

/** Reads an address without a zone. @returns undefined for anything else. */
export function readGroups(text: string): readonly number[] | undefined {
  if (text.length > MAX_LENGTH) return undefined
  return text.includes(':') ? readIpv6(text) : readIpv4(text)
}

/** Reads an address in the form of IPv4. */
export function readIpv4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part))) return undefined
  const [a, b, c, d] = parts.map(Number) as [number, number, number, number]
  return Math.max(a, b, c, d) > 255 ? undefined : [a * 256 + b, c * 256 + d]
}

function readIpv6(text: string): readonly number[] | undefined {
  // A socket for both families writes IPv4 addresses like this. The code below would take 1.5 times
  // as long.
  const ipv4 = text.startsWith(MAPPED) ? readIpv4(text.slice(MAPPED.length)) : undefined
  if (ipv4 !== undefined) return [0, 0, 0, 0, 0, 0xffff, ...ipv4]
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [start, end] = halves.map((half, index) => readHextets(half, index === halves.length - 1))
  if (halves.length === 1) return start?.length === 8 ? start : undefined
  if (start === undefined || end === undefined) return undefined
  const skipped = 8 - start.length - end.length
  return skipped < 1 ? undefined : [...start, ...new Array<number>(skipped).fill(0), ...end]
}

/** @param atEnd Whether the last part may be in the form of IPv4. */
function readHextets(text: string, atEnd: boolean): readonly number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) ?? ''
  const tail = atEnd && last.includes('.') ? readIpv4(last) : []
  if (tail === undefined) return undefined
  const hextets = tail.length === 0 ? parts : parts.slice(0, -1)
  if (!hextets.every((part) => HEXTET.test(part))) return undefined
  return [...hextets.map((part) => Number.parseInt(part, 16)), ...tail]
}

/** Whether an IPv6 address stands for an IPv4 address (RFC 4291, section 2.5.5.2). */
export function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.findIndex((each) => each !== 0) === 5
}

/** The canonical text of an address (RFC 5952). */
export function addressText(groups: readonly number[]): string {
  if (groups.length === 2) return groups.flatMap((group) => [group >> 8, group & 0xff]).join('.')
  const { start, length } = longestZeros(groups)
  const hex = (some: readonly number[]) => some.map((group) => group.toString(16)).join(':')
  // A single zero is not shortened.
  return length < 2
    ? hex(groups)
    : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  for (const start of groups.keys()) {
    let end = start
    while (groups[end] === 0) end++
    if (end - start > longest.length) longest = { start, length: end - start }
  }
  return longest
}
