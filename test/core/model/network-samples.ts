import type { Random } from '../../security/fuzz-random.ts'

/** An address, a network, and another network that often lies within it. */
export interface NetworkSample {
  readonly address: string
  readonly network: string
  readonly inner: string
}

/** 32 bits for IPv4, 128 for IPv6, and 96 to 128 for IPv6 that stands for IPv4. */
interface Family {
  readonly bits: 32 | 128
  readonly isMapped: boolean
}

const IPV4: Family = { bits: 32, isMapped: false }
const FAMILIES: readonly Family[] = [
  IPV4,
  { bits: 128, isMapped: false },
  { bits: 128, isMapped: true },
]
const MAPPED = 0xffff_0000_0000n
// Replaces or joins characters of valid texts.
const PIECES = [
  ...['', '.', ':', '::', '/', '%', '%eth0', ' ', '-', '+', '0', '00', '1', '25', '256', 'f', 'g'],
  ...[
    'G',
    'x',
    '\0',
    '\n',
    '\t',
    '[',
    ']',
    ':80',
    '1.2.3.4',
    '255.255.255.0',
    '/24',
    '/33',
    '/129',
  ],
  ...['\u0661', '\uff11', '\uff0e', '\u2044', '\ud800', '\u{1d7d9}', 'ffff', '12345', 'e1'],
] as const

/** Makes valid, nearly valid and invalid texts, with many addresses at the borders of networks. */
export function makeSample(random: Random): NetworkSample {
  const family = random.pick(FAMILIES)
  const length = prefixOf(random, family)
  const first = maskOf(groupsOf(random, family), length, family.bits)
  const last = first | ((1n << BigInt(family.bits - length)) - 1n)
  const innerLength = Math.min(family.bits, Math.max(0, length + random.below(9) - 2))
  const near = nearTo(random, family, first, last)
  const inner = maskOf(near, innerLength, family.bits)
  return {
    address: damaged(random, addressOf(random, family, near) + zoneOf(random)),
    network: damaged(random, networkOf(random, family, first, length)),
    inner: damaged(random, networkOf(random, family, inner, innerLength)),
  }
}

function prefixOf(random: Random, { bits, isMapped }: Family): number {
  return isMapped && !random.oneIn(10) ? 96 + random.below(33) : random.below(bits + 1)
}

function groupsOf(random: Random, { bits, isMapped }: Family): bigint {
  const group = () => random.pick([0, 0, 0, 0xffff, 1, random.below(256), random.below(65_536)])
  let value = 0n
  for (let at = 0; at < (bits === 32 || isMapped ? 2 : 8); at++)
    value = (value << 16n) | BigInt(group())
  return isMapped ? MAPPED | value : value
}

function maskOf(value: bigint, length: number, bits: number): bigint {
  const host = BigInt(bits - length)
  return (value >> host) << host
}

function nearTo(random: Random, family: Family, first: bigint, last: bigint): bigint {
  const size = 1n << BigInt(family.bits)
  const one = 1n << BigInt(random.below(family.bits))
  const value = random.pick([
    ...[first, last, first - 1n, last + 1n, first ^ one, last ^ one],
    first + ((last - first) >> BigInt(1 + random.below(8))),
    groupsOf(random, family),
  ])
  return (value + size) % size
}

function networkOf(random: Random, family: Family, value: bigint, length: number): string {
  // One in ten has a bit too many.
  const bit = random.oneIn(10) ? 1n << BigInt(random.below(family.bits)) : 0n
  const text = addressOf(random, family, value | bit)
  if (length === family.bits && random.oneIn(2)) return text
  // The text may be of the other family.
  const shift = family.isMapped && !text.includes(':') ? 96 : 0
  return `${text}/${random.oneIn(20) ? '0' : ''}${length - shift}`
}

function zoneOf(random: Random): string {
  return random.oneIn(15) ? random.pick(['%eth0', '%1', '%', '%a%b', '%\u0661 \0']) : ''
}

/** One of the many texts of an address. */
function addressOf(random: Random, { bits, isMapped }: Family, value: bigint): string {
  if (bits === 32) return dotted(value)
  if (isMapped && random.oneIn(3)) return dotted(value & 0xffff_ffffn)
  const groups = Array.from({ length: 8 }, (_, at) =>
    Number((value >> BigInt(112 - at * 16)) & 0xffffn),
  )
  const parts = groups.map((group) => hex(random, group))
  if (random.oneIn(isMapped ? 2 : 8)) parts.splice(6, 2, dotted(value & 0xffff_ffffn))
  return shortened(random, parts)
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

function hex(random: Random, group: number): string {
  const text = group.toString(16).padStart(random.oneIn(8) ? 4 : 1, '0')
  return random.oneIn(8) ? text.toUpperCase() : text
}

/** Shortens a run of zeros, not always the longest one and not always all of it. */
function shortened(random: Random, parts: readonly string[]): string {
  const start = parts.findIndex((part) => /^0+$/.test(part) && !random.oneIn(4))
  if (start < 0 || random.oneIn(5)) return parts.join(':')
  let end = start + 1
  while (/^0+$/.test(parts[end] ?? '') && !random.oneIn(10)) end++
  return `${parts.slice(0, start).join(':')}::${parts.slice(end).join(':')}`
}

/** Damages one text in six. */
function damaged(random: Random, text: string): string {
  if (!random.oneIn(6)) return text
  const at = random.below(text.length + 1)
  const removed = random.below(3)
  return text.slice(0, at) + random.pick(PIECES) + text.slice(at + removed)
}
