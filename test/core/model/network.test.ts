import { describe, expect, it } from 'vitest'
import {
  canonicalNetworks,
  includesAddress,
  isWithinNetworks,
  networksProblem,
  readAddress,
  readNetworks,
} from '../../../src/core/model/network.ts'
import vectors from '../../vectors/networks.json' with { type: 'json' }
import {
  ADDRESSES,
  HOST_BITS,
  NEITHER,
  NETWORKS,
  NOT_NETWORKS,
  REFUSED,
  ZONED,
} from './network-forms.ts'
import { differenceOf } from './network-python.ts'

const NOT_CIDR = 'must have networks in CIDR notation, like 192.0.2.0/24 or 2001:db8::/32'
const LIST = "must be a list of 1 to 64 networks, like ['192.0.2.0/24', '2001:db8::/32']"

/** Whether the networks contain the address. */
function includes(networks: readonly string[], text: string): boolean {
  const address = readAddress(text)
  if (address === undefined) throw new Error(`${text} is not an address.`)
  return includesAddress(readNetworks(networks), address)
}

describe('an address', () => {
  it.each([...ADDRESSES, ...ZONED])('%j is the only address of %s', (text, network) => {
    expect(readAddress(text)).toEqual(readAddress(network.replace(/\/\d+$/, '')))
    expect(includes([network], text)).toBe(true)
  })

  it.each(NEITHER)('is not %j', (text) => {
    expect(readAddress(text)).toBeUndefined()
  })

  it('has no prefix length', () => {
    for (const [text] of [...NETWORKS, ...HOST_BITS, ...REFUSED])
      if (text.includes('/')) expect([text, readAddress(text)]).toEqual([text, undefined])
  })

  it('is a string: nothing else is converted to one', () => {
    const text = () => '192.0.2.1'
    for (const value of [
      ...[undefined, null, 0, 3221225985, 1n, true, ['192.0.2.1'], Symbol('192.0.2.1')],
      ...[{ toString: text }, { [Symbol.toPrimitive]: text }, new String('192.0.2.1'), text],
    ])
      expect(readAddress(value)).toBeUndefined()
  })
})

describe('a network', () => {
  it.each([...ADDRESSES, ...NETWORKS])('%j has the canonical form %s', (text, canonical) => {
    expect(networksProblem([text])).toBeUndefined()
    expect(canonicalNetworks([text])).toEqual([canonical])
    expect(canonicalNetworks([canonical])).toEqual([canonical])
  })

  it.each([...NEITHER.filter((text) => !text.includes('%')), ...NOT_NETWORKS])(
    'is not %j, and the problem does not repeat it',
    (text) => {
      expect(networksProblem([text])).toBe(NOT_CIDR)
    },
  )

  it.each([...HOST_BITS, ...REFUSED])('is not %j, and the problem says why', (text, problem) => {
    expect(networksProblem([text])).toMatch(problem)
    expect(networksProblem(['192.0.2.0/24', text])).toMatch(problem)
  })

  it('that the problem of host bits suggests is valid', () => {
    for (const [text] of HOST_BITS) {
      const [, right = '192.0.2.0/24'] = /write (\S+)/.exec(networksProblem([text]) ?? '') ?? []
      expect([text, networksProblem([right])]).toEqual([text, undefined])
    }
  })

  it('is a string: nothing else is converted to one', () => {
    const text = () => '192.0.2.0/24'
    for (const value of [
      undefined,
      null,
      0,
      1n,
      ['192.0.2.0/24'],
      { toString: text },
      new String('::'),
    ])
      expect(networksProblem([value])).toBe(NOT_CIDR)
  })
})

describe('a list of networks', () => {
  it('has 1 to 64 networks', () => {
    const some = (count: number) => Array.from({ length: count }, (_, at) => `192.0.2.${at}`)
    expect([networksProblem(some(1)), networksProblem(some(64))]).toEqual([undefined, undefined])
    for (const value of [[], some(65), undefined, null, '192.0.2.0/24', { 0: '::/0', length: 1 }])
      expect(networksProblem(value)).toBe(LIST)
    expect(networksProblem(new Array(2))).toBe(NOT_CIDR)
  })

  it('becomes canonical, frozen, without repetition and in its order', () => {
    const canonical = canonicalNetworks([
      ...['2001:DB8:0::/32', '192.0.2.0/024', '10.0.0.1', '2001:db8::/32'],
      ...['::ffff:192.0.2.0/120', '10.0.0.1/32'],
    ])
    expect(canonical).toEqual(['2001:db8::/32', '192.0.2.0/24', '10.0.0.1/32'])
    expect(Object.isFrozen(canonical)).toBe(true)
  })

  it('contains the addresses from the first to the last of each network', () => {
    const networks = ['192.0.2.64/26', '2001:db8:8000::/33']
    for (const address of [
      ...['192.0.2.64', '192.0.2.127', '::ffff:192.0.2.64', '2001:db8:8000::'],
      '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff%eth0',
    ])
      expect([address, includes(networks, address)]).toEqual([address, true])
    for (const address of [
      ...['192.0.2.63', '192.0.2.128', '::ffff:192.0.2.63', '::192.0.2.64'],
      ...['2001:db8:7fff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
    ])
      expect([address, includes(networks, address)]).toEqual([address, false])
  })

  it('contains no address of another family', () => {
    expect(includes(['::/0'], '192.0.2.1')).toBe(false)
    expect(includes(['::/0'], '::ffff:192.0.2.1')).toBe(false)
    expect(includes(['0.0.0.0/0'], '::')).toBe(false)
    expect(includes(['0.0.0.0/0'], '::c000:201')).toBe(false)
    expect(includes(['::ffff:0:0/96'], '192.0.2.1')).toBe(true)
    expect(includes(['0.0.0.0/0', '::/0'], '::ffff:192.0.2.1')).toBe(true)
  })

  it('contains nothing where a text is not a network, and the rest still counts', () => {
    const wrong = [...NOT_NETWORKS, ...HOST_BITS, ...REFUSED]
      .flat()
      .filter((each) => typeof each === 'string')
    const values = [...wrong, '', null, undefined, 0, {}] as string[]
    for (const address of ['0.0.0.0', '192.0.2.0', '192.0.2.1', '::', 'fe80::1', '2001:db8::1'])
      expect([address, includes(values, address)]).toEqual([address, false])
    expect(includes([...values, '192.0.2.1/32'], '192.0.2.1')).toBe(true)
    expect(includes([], '192.0.2.1')).toBe(false)
  })
})

describe('a list of networks within another', () => {
  const outer = ['10.0.0.0/9', '10.128.0.0/9', '2001:db8::/32']
  it.each([
    [['10.0.0.0/9'], true],
    [['10.1.2.3', '10.200.0.0/16', '::ffff:10.0.0.0/105'], true],
    [['2001:db8:1::/48', '10.1.0.0/16'], true],
    [[], true],
    [['2001:db8::/31'], false],
    [['2001:db8:1::/48', '192.0.2.0/24'], false],
    // Both halves are in the list, but no one network contains it.
    [['10.0.0.0/8'], false],
    [['0.0.0.0/0'], false],
    [['::/0'], false],
    [['::a00:0/105'], false],
    [['10.0.0.1/9'], false],
    [['nothing'], false],
  ])('%j: %j', (inner, expected) => {
    expect(isWithinNetworks(inner, outer)).toBe(expected)
  })

  it('is never within a text that is not a network', () => {
    expect(isWithinNetworks(['nothing'], ['nothing'])).toBe(false)
    expect(isWithinNetworks(['10.0.0.0/8'], ['10.0.0.1/8', 'nothing'])).toBe(false)
    expect(isWithinNetworks(['::/0'], ['0.0.0.0/0'])).toBe(false)
  })
})

it('every long text is read in linear time and refused', () => {
  const length = 2_000_000
  for (const part of ['1', '0', ':', '::', '.', '/', '%', '1.', '1:', ' ', 'f', '\uff11', '%/'])
    for (const text of [part.repeat(length), `1.2.3.4/${part.repeat(length)}x`]) {
      expect(readAddress(text)).toBeUndefined()
      expect(networksProblem([text])).toBe(NOT_CIDR)
    }
})

describe('the answers of Python in test/vectors/networks.json', () => {
  it('are those of the code', () => {
    expect(vectors.length).toBe(300)
    const differences = vectors.map(({ sample, answer }) => differenceOf(sample, answer))
    expect(differences.filter((each) => each !== undefined)).toEqual([])
  })

  it('are not those of another sample: the comparison finds each difference', () => {
    const [first, ...rest] = vectors.map(({ answer }) => answer)
    const moved = [...rest, first as (typeof rest)[number]]
    const unlike = vectors.filter(
      ({ sample, answer }, index) =>
        JSON.stringify(answer) !== JSON.stringify(moved[index]) &&
        differenceOf(sample, moved[index] ?? answer) === undefined,
    )
    expect(unlike).toEqual([])
    for (const kind of ['includes', 'within'] as const)
      expect(vectors.filter(({ answer }) => answer[kind]).length).toBeGreaterThan(50)
  })
})
