import {
  askPython,
  differenceOf,
  type NetworkAnswer,
} from '../../test/core/model/network-python.ts'
import { makeSample } from '../../test/core/model/network-samples.ts'
import { createRandom } from '../../test/security/fuzz-random.ts'
import type { Figure } from './figure.ts'

const SAMPLES = { quick: 20_000, full: 1_000_000 }
const AT_ONCE = 50_000
const MOST_SHOWN = 5
const COUNTED: Readonly<Record<string, (answer: NetworkAnswer) => boolean>> = {
  addresses: ({ address }) => address !== null,
  notAddresses: ({ address }) => address === null,
  networks: ({ network }) => network !== null,
  notNetworks: ({ network }) => network === null,
  included: ({ includes }) => includes,
  notIncluded: ({ address, network, includes }) =>
    address !== null && network !== null && !includes,
  within: ({ within }) => within,
  notWithin: ({ inner, network, within }) => inner !== null && network !== null && !within,
}

/** Compares the reading and the comparison of addresses and networks with Python's ipaddress. */
export const figure: Figure = {
  name: 'networks',
  title: "differences from Python's ipaddress, in 1,000,000 pairs of an address and a network",
  async run({ quick, progress }) {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const samples = SAMPLES[quick ? 'quick' : 'full']
    const differences: string[] = []
    const counts: Record<string, number> = {}
    for (let from = 0; from < samples; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, samples - from) }, (_, index) =>
        makeSample(createRandom(seed, from + index)),
      )
      const answers = await askPython(some)
      if (answers.length !== some.length) throw new Error('Python has left out answers.')
      for (const [index, sample] of some.entries()) {
        const difference = differenceOf(sample, answers[index] as NetworkAnswer)
        if (difference !== undefined) differences.push(difference)
      }
      for (const [name, isCounted] of Object.entries(COUNTED))
        counts[name] = (counts[name] ?? 0) + answers.filter(isCounted).length
      progress(`${from + some.length} pairs, ${differences.length} differences`)
    }
    // Each kind must be common. Otherwise the comparison proves little.
    const ok =
      differences.length === 0 && Object.values(counts).every((count) => count >= samples / 20)
    return {
      ok,
      seed,
      pairs: samples,
      differences: differences.length,
      shown: differences.slice(0, MOST_SHOWN),
      counts,
    }
  },
}
