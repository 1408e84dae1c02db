import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { codeOf } from '../../support/sent.ts'

const prefixes = ['tk', 'acme_live', 'acme', 'z_']
const CHARACTERS = [
  ...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.~+/= ',
  'é',
  'ſ',
  'K',
  '０',
  '\0',
  '\n',
  '\u{1F600}',
]

async function createSecrets() {
  const bench = createBench({ prefixes })
  const secrets: string[] = []
  for (let i = 0; i < 3; i++) {
    const { primary, secondary } = await bench.twinkey.keys.create({
      name: 'n',
      scope: { tenants: '*', workflows: '*' },
    })
    secrets.push(primary, secondary as string)
  }
  return { ...bench, secrets }
}

const place = fc.nat(1_000_000)

it('a secret with one changed character never verifies, and costs no store call', async () => {
  const { twinkey, another, spy, secrets } = await createSecrets()
  const cold = another({ prefixes })
  for (const secret of secrets) expect((await twinkey.keys.verify(secret)).ok).toBe(true)
  await twinkey.close()
  const before = spy.calls.get
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...secrets),
      place,
      fc.constantFrom(...CHARACTERS),
      async (secret, at, other) => {
        const index = at % secret.length
        fc.pre(secret[index] !== other)
        const changed = secret.slice(0, index) + other + secret.slice(index + 1)
        expect(codeOf(await twinkey.keys.verify(changed))).toBe('credential_invalid')
        expect(codeOf(await cold.keys.verify(changed))).toBe('credential_invalid')
      },
    ),
    { numRuns: 3000 },
  )
  expect(spy.calls.get).toBe(before)
})

it('a secret with two characters swapped never verifies', async () => {
  const { twinkey, secrets } = await createSecrets()
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...secrets), place, place, async (secret, a, b) => {
      const [low, high] = [a % secret.length, b % secret.length].sort((x, y) => x - y) as [
        number,
        number,
      ]
      fc.pre(secret[low] !== secret[high])
      const swapped = `${secret.slice(0, low)}${secret[high]}${secret.slice(low + 1, high)}${secret[low]}${secret.slice(high + 1)}`
      expect(codeOf(await twinkey.keys.verify(swapped))).toBe('credential_invalid')
    }),
    { numRuns: 2000 },
  )
})

it('a mixture of two secrets never verifies, even of one key', async () => {
  const { twinkey, secrets } = await createSecrets()
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...secrets),
      fc.constantFrom(...secrets),
      place,
      async (first, second, at) => {
        const index = 1 + (at % (first.length - 1))
        const mixed = first.slice(0, index) + second.slice(index)
        fc.pre(!secrets.includes(mixed))
        expect(codeOf(await twinkey.keys.verify(mixed))).toBe('credential_invalid')
      },
    ),
    { numRuns: 2000 },
  )
})

it('a secret with characters added or removed at either end, or in another case, never verifies', async () => {
  const { twinkey, secrets } = await createSecrets()
  for (const secret of secrets) {
    const texts = [
      ` ${secret}`,
      `${secret} `,
      `${secret}\n`,
      `${secret}=`,
      `\ufeff${secret}`,
      secret.slice(1),
      secret.slice(0, -1),
      secret.repeat(2),
    ]
    for (const text of [
      ...texts,
      secret.toLowerCase(),
      secret.toUpperCase(),
      encodeURIComponent(`${secret}%`),
    ])
      expect(codeOf(await twinkey.keys.verify(text))).toBe('credential_invalid')
  }
})
