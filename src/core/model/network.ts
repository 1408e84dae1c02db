import { addressText, isMapped, readGroups, readIpv4 } from './address-groups.ts'

// Reads addresses and networks as Python's `ipaddress` does with strict=True, except for:
// - An IPv4-mapped IPv6 address or network (within ::ffff:0:0/96) is IPv4.
// - The zone of an address is ignored. A network with a zone is not valid.
// - A netmask, as in 192.0.2.0/255.255.255.0, is not valid.

/** An IPv4 or IPv6 address, from {@link readAddress}. */
export interface Address {
  /** 16 bits each: two for IPv4, eight for IPv6. */
  readonly groups: readonly number[]
}

/** A network, from {@link readNetworks}. */
export interface Network {
  /** The groups of its first address. */
  readonly groups: readonly number[]
  /** How many leading bits all its addresses share. */
  readonly prefixLength: number
}

/** The largest number of networks of a key. */
export const MAX_NETWORKS = 64
const DIGITS = /^[0-9]+$/
const NOT_CIDR = 'must have networks in CIDR notation, like 192.0.2.0/24 or 2001:db8::/32'
// Every address has more groups, so this network contains none.
const NOTHING: Network = { groups: [], prefixLength: 0 }

/**
 * Reads an address as sockets, frameworks and proxies write it. An IPv4-mapped IPv6 address is
 * IPv4. The zone of an IPv6 address is ignored, whatever characters it has.
 *
 * @returns undefined for anything else, such as an address with a port, brackets or spaces.
 */
export function readAddress(text: unknown): Address | undefined {
  if (typeof text !== 'string') return undefined
  const zoneAt = text.indexOf('%')
  const groups = readGroups(zoneAt < 0 ? text : text.slice(0, zoneAt))
  if (groups === undefined) return undefined
  if (zoneAt >= 0 && (groups.length === 2 || !isZone(text.slice(zoneAt + 1)))) return undefined
  return { groups: isMapped(groups) ? groups.slice(6) : groups }
}

function isZone(text: string): boolean {
  return text !== '' && !text.includes('%') && !text.includes('/')
}

/** Why a list is not a valid list of networks, or undefined. */
export function networksProblem(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_NETWORKS)
    return `must be a list of 1 to ${MAX_NETWORKS} networks, like ['192.0.2.0/24', '2001:db8::/32']`
  for (const text of value) {
    const network = readNetwork(text)
    if (typeof network === 'string') return network
  }
  return undefined
}

/**
 * Valid networks in canonical form (RFC 4632, RFC 5952), without repetition. A single address gets
 * the prefix length 32 or 128.
 */
export function canonicalNetworks(networks: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(readNetworks(networks).map(networkText))])
}

/**
 * Parses networks, for comparisons. A text that is not a network becomes a network that contains
 * no address, so that a wrong record lets nobody in.
 */
export function readNetworks(networks: readonly string[]): readonly Network[] {
  return networks.map((text) => {
    const network = readNetwork(text)
    return typeof network === 'string' ? NOTHING : network
  })
}

/** Whether one of the networks contains the address. An IPv6 network contains no IPv4 address. */
export function includesAddress(networks: readonly Network[], { groups }: Address): boolean {
  return networks.some((network) => contains(network, groups))
}

/**
 * Whether each inner network lies within one outer network. Does not join outer networks: 10.0.0.0/8
 * is not within the list of 10.0.0.0/9 and 10.128.0.0/9. A text that is not a network lies nowhere.
 */
export function isWithinNetworks(inner: readonly string[], outer: readonly string[]): boolean {
  const around = readNetworks(outer)
  return readNetworks(inner).every(({ groups, prefixLength }) =>
    around.some((each) => each.prefixLength <= prefixLength && contains(each, groups)),
  )
}

function contains({ groups, prefixLength }: Network, address: readonly number[]): boolean {
  if (groups.length === 0 || groups.length !== address.length) return false
  return groups.every(
    (group, index) =>
      ((group ^ (address[index] as number)) & prefixMask(prefixLength, index)) === 0,
  )
}

/** The bits of a group that belong to the prefix. */
function prefixMask(prefixLength: number, index: number): number {
  const bits = Math.min(Math.max(prefixLength - 16 * index, 0), 16)
  return 0xffff ^ (0xffff >> bits)
}

/** @returns The problem if the text is not a network. */
function readNetwork(text: unknown): Network | string {
  if (typeof text !== 'string') return NOT_CIDR
  const slashAt = text.indexOf('/')
  const address = slashAt < 0 ? text : text.slice(0, slashAt)
  const groups = readGroups(address)
  if (groups === undefined)
    return readAddress(address) === undefined
      ? NOT_CIDR
      : 'must have networks without a zone, like fe80::/64'
  const bits = groups.length * 16
  const written = slashAt < 0 ? `${bits}` : text.slice(slashAt + 1)
  if (groups.length === 2 && readIpv4(written) !== undefined)
    return 'must have prefix lengths instead of netmasks, like 192.0.2.0/24'
  if (!DIGITS.test(written) || Number(written) > bits) return NOT_CIDR
  return networkOf(groups, Number(written))
}

function networkOf(groups: readonly number[], prefixLength: number): Network | string {
  if (isMapped(groups))
    return prefixLength < 96
      ? 'must have IPv4 networks in the form of IPv4, like 192.0.2.0/24'
      : networkOf(groups.slice(6), prefixLength - 96)
  const masked = groups.map((group, index) => group & prefixMask(prefixLength, index))
  const network = { groups: masked, prefixLength }
  return masked.every((group, index) => group === groups[index])
    ? network
    : `must have networks without host bits: write ${networkText(network)} instead of ${networkText({ groups, prefixLength })}`
}

function networkText({ groups, prefixLength }: Network): string {
  return `${addressText(groups)}/${prefixLength}`
}
