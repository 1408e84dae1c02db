import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  canonicalNetworks,
  includesAddress,
  isWithinNetworks,
  networksProblem,
  readAddress,
  readNetworks,
} from '../../../src/core/model/network.ts'
import { runPython } from '../../support/python.ts'
import type { NetworkSample } from './network-samples.ts'

/** What is known about a sample. */
export interface NetworkAnswer {
  /** The canonical network of the address alone, or null if it is not an address. */
  readonly address: string | null
  /** The canonical network, or null if it is not a network. */
  readonly network: string | null
  readonly inner: string | null
  /** Whether the network contains the address. */
  readonly includes: boolean
  /** Whether the inner network lies within the network. */
  readonly within: boolean
}

// The first three functions have the documented differences, and the rest is ipaddress itself.
const PROGRAM = `
import ipaddress, json, sys

def mapped(first, length):
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped is not None and length >= 96:
        return ipaddress.ip_network((first.ipv4_mapped, length - 96))
    return ipaddress.ip_network((int(first).to_bytes(4 if first.version == 4 else 16, 'big'), length))

def address(text):
    try:
        read = ipaddress.ip_address(text)
        return mapped(read, read.max_prefixlen)
    except ValueError:
        return None

def network(text):
    if '%' in text or '.' in text.partition('/')[2]:
        return None
    try:
        read = ipaddress.ip_network(text, strict=True)
        return mapped(read.network_address, read.prefixlen)
    except ValueError:
        return None

for line in open(sys.argv[1], encoding='ascii'):
    sample = json.loads(line)
    a, n, i = address(sample['address']), network(sample['network']), network(sample['inner'])
    print(json.dumps({
        'address': a and str(a),
        'network': n and str(n),
        'inner': i and str(i),
        'includes': bool(a and n and a.network_address in n),
        'within': bool(i and n and i.version == n.version and i.subnet_of(n)),
    }))
`

/** The answers of Python's ipaddress. */
export async function askPython(samples: readonly NetworkSample[]): Promise<NetworkAnswer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-networks-'))
  try {
    const file = join(folder, 'samples')
    writeFileSync(file, samples.map((sample) => `${asciiJson(sample)}\n`).join(''))
    const printed = await runPython(PROGRAM, [file])
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A value as JSON, in which only ASCII characters stand for themselves. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The answers of the code under test. */
function answerOf({ address, network, inner }: NetworkSample): NetworkAnswer {
  const read = readAddress(address)
  const canonical = (text: string) =>
    networksProblem([text]) === undefined ? (canonicalNetworks([text])[0] ?? null) : null
  return {
    // A zone is not a part of a network.
    address: read === undefined ? null : canonical(address.replace(/%.*$/s, '')),
    network: canonical(network),
    inner: canonical(inner),
    includes: read !== undefined && includesAddress(readNetworks([network]), read),
    within: isWithinNetworks([inner], [network]),
  }
}

/** Why an answer of the code under test is not that of Python, or undefined. */
export function differenceOf(sample: NetworkSample, expected: NetworkAnswer): string | undefined {
  const actual = answerOf(sample)
  const read = readAddress(sample.address)
  const isSame =
    isDeepStrictEqual(actual, expected) &&
    // What it reads as an address must be that address.
    (read === undefined || includesAddress(readNetworks([`${expected.address}`]), read))
  return isSame ? undefined : `${asciiJson({ sample, actual, expected })}`
}
