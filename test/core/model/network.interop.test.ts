import { expect, it } from 'vitest'
import { createRandom } from '../../security/fuzz-random.ts'
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
import { askPython, differenceOf, type NetworkAnswer } from './network-python.ts'
import { makeSample } from './network-samples.ts'

const PAIRS = 5000

/** The answers about texts, each as an address and as a network. */
async function answersAbout(texts: readonly string[]): Promise<[string | null, string | null][]> {
  const samples = texts.map((text) => ({ address: text, network: text, inner: text }))
  return (await askPython(samples)).map(({ address, network }) => [address, network])
}

it('the tables of forms and the vectors are what Python answers', async () => {
  const canonical = [...ADDRESSES, ...ZONED, ...NETWORKS]
  const invalid = [...NEITHER, ...NOT_NETWORKS, ...[...HOST_BITS, ...REFUSED].map(([text]) => text)]
  expect(await answersAbout(canonical.map(([text]) => text))).toEqual([
    ...ADDRESSES.map(([, network]) => [network, network]),
    ...ZONED.map(([, network]) => [network, null]),
    ...NETWORKS.map(([, network]) => [null, network]),
  ])
  // A network with a zone is refused, but may be an address.
  const [zoned] = REFUSED.map(([text]) => text).filter((text) => !text.includes('/'))
  expect(await answersAbout(invalid)).toEqual(
    invalid.map((text) => [text === zoned ? 'fe80::1/128' : null, null]),
  )
  expect(await askPython(vectors.map(({ sample }) => sample))).toEqual(
    vectors.map(({ answer }) => answer),
  )
})

it(`Python's ipaddress answers ${PAIRS} new pairs of an address and a network alike`, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const samples = Array.from({ length: PAIRS }, (_, index) => makeSample(createRandom(seed, index)))
  const answers = await askPython(samples)
  expect(answers).toHaveLength(PAIRS)
  const differences = samples.map((sample, index) =>
    differenceOf(sample, answers[index] as NetworkAnswer),
  )
  expect(differences.filter((each) => each !== undefined)).toEqual([])
})
