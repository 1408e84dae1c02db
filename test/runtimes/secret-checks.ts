import { createTwinkey, hasValidChecksum, type KeyStore, memoryStore, secretPattern } from 'twinkey'
import { hmacSha256, sha256 } from '#hash'
import { createBench } from '../support/bench.ts'
import { anyTarget, codeOf, decidedNow, sent } from '../support/sent.ts'
import digests from '../vectors/digests.json' with { type: 'json' }
import secrets from '../vectors/secrets.json' with { type: 'json' }
import { type Check, holds, same } from './check.ts'

const scope = { tenants: ['t1'], workflows: '*' } as const
const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const inPairs = (bytes: Uint8Array) =>
  String.fromCharCode(
    ...Array.from(
      { length: bytes.length / 2 },
      (_, i) => (bytes[2 * i] ?? 0) + 256 * (bytes[2 * i + 1] ?? 0),
    ),
  )

/** The digests of the runtime's own WebCrypto. */
const encode = (text: string) => new TextEncoder().encode(text)
const subtleSha256 = async (text: string) =>
  inPairs(new Uint8Array(await crypto.subtle.digest('SHA-256', encode(text))))
async function subtleHmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<string> {
  const imported = await crypto.subtle.importKey(
    'raw',
    key,
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  return inPairs(new Uint8Array(await crypto.subtle.sign('HMAC', imported, encode(text))))
}

const TEXTS = ['', 'caf\u00e9', '\u{1f511} key', '\ud800 alone', 'x'.repeat(10_000)]

const hashChecks: readonly Check[] = [
  ...digests.sha256.map(
    ({ text, hex }): Check => ({
      name: `SHA-256 of ${JSON.stringify(text)} is that of the standard`,
      run: () => same(sha256(text), inPairs(bytesOf(hex))),
    }),
  ),
  ...digests.hmacSha256.map(
    ({ key, text, hex }): Check => ({
      name: `HMAC of ${JSON.stringify(text)} is that of the standard`,
      run: () => same(hmacSha256(bytesOf(key), text), inPairs(bytesOf(hex))),
    }),
  ),
  ...TEXTS.map(
    (text): Check => ({
      name: `digests of ${JSON.stringify(text.slice(0, 12))} are those of WebCrypto`,
      async run() {
        same(sha256(text), await subtleSha256(text))
        const key = crypto.getRandomValues(new Uint8Array(48))
        same(hmacSha256(key, text), await subtleHmac(key, text))
      },
    }),
  ),
  ...secrets.map(
    ({ prefix, secret }): Check => ({
      name: `the checksum of ${prefix} is that of the format`,
      run() {
        same(hasValidChecksum(secret), true)
        same(secretPattern(prefix).exec(`leaked: ${secret}.`)?.[0], secret)
      },
    }),
  ),
]

async function keyFor() {
  const bench = createBench({ prefixes: ['acme', 'old'] })
  return { ...bench, ...(await bench.twinkey.keys.create({ name: 'one', scope })) }
}
const verdictOf = async (
  { twinkey }: Pick<Awaited<ReturnType<typeof keyFor>>, 'twinkey'>,
  secret: string,
) => codeOf(await twinkey.keys.verify(secret))

const formChecks: readonly Check[] = [
  {
    name: 'a new key has two secrets in the form that scanners recognise',
    async run() {
      const { primary, secondary } = await keyFor()
      for (const secret of [primary, secondary ?? '']) {
        same(secretPattern('acme').exec(secret)?.[0], secret)
        same(hasValidChecksum(secret), true)
      }
      holds(primary !== secondary, 'both are the same')
    },
  },
  {
    name: 'each secret verifies and says its slot',
    async run() {
      const { twinkey, primary, secondary, key } = await keyFor()
      const answers = await Promise.all(
        [primary, secondary ?? ''].map((secret) => twinkey.keys.verify(secret)),
      )
      same(
        answers.map((answer) => answer.ok && [answer.slot, answer.key.id]),
        [
          ['primary', key.id],
          ['secondary', key.id],
        ],
      )
    },
  },
  {
    name: 'a key may have one secret only',
    async run() {
      const { twinkey } = createBench()
      same((await twinkey.keys.create({ name: 'single', scope, secondary: false })).secondary, null)
    },
  },
  {
    name: 'no two of 500 secrets are the same, and all characters occur',
    async run() {
      const { twinkey } = createBench()
      const made = await Promise.all(
        Array.from({ length: 250 }, () => twinkey.keys.create({ name: 'n', scope })),
      )
      const all = made.flatMap(({ primary, secondary }) => [primary, secondary ?? ''])
      same(new Set(all).size, 500)
      same(new Set(all.map((secret) => secret.slice(-49, -6)).join('')).size, 62)
    },
  },
  {
    name: 'a typo anywhere is refused without asking the store',
    async run() {
      const bench = await keyFor()
      const { primary, spy } = bench
      const asked = spy.calls.get
      for (let at = 0; at < primary.length; at++) {
        const typo = `${primary.slice(0, at)}${primary[at] === 'x' ? 'y' : 'x'}${primary.slice(at + 1)}`
        same(await verdictOf(bench, typo), 'credential_invalid', `a typo at ${at}`)
      }
      same(spy.calls.get, asked)
    },
  },
  {
    name: 'a secret that is shortened, lengthened, reversed or in another case is refused',
    async run() {
      const bench = await keyFor()
      const { primary } = bench
      const wrong = [
        '',
        'acme_',
        primary.slice(1),
        primary.slice(0, -1),
        `${primary}0`,
        primary.toUpperCase(),
        ` ${primary}`,
        `${primary}\n`,
      ]
      for (const text of wrong)
        same(await verdictOf(bench, text), 'credential_invalid', JSON.stringify(text))
    },
  },
  {
    name: 'a secret of an older prefix still verifies, one of another does not',
    async run() {
      const store = memoryStore()
      const before = createTwinkey({ store, prefixes: ['old'] })
      const { primary } = await before.keys.create({ name: 'one', scope })
      same(
        await verdictOf({ twinkey: createTwinkey({ store, prefixes: ['acme', 'old'] }) }, primary),
        'let in',
      )
      same(
        await verdictOf({ twinkey: createTwinkey({ store, prefixes: ['acme'] }) }, primary),
        'credential_invalid',
      )
    },
  },
  {
    name: 'stored and shown values contain no secret',
    async run() {
      const { twinkey, spy, primary, secondary, key, events } = await keyFor()
      const stored = JSON.stringify([
        await spy.inner.list({ now: 0, sort: 'newest', limit: 10 }),
        await twinkey.keys.list(),
        key,
        events,
      ])
      for (const secret of [primary, secondary ?? ''])
        holds(!stored.includes(secret.slice(-49, -6)), 'a secret is in it')
    },
  },
]

const PEPPERS = { a: new Uint8Array(32).fill(1), b: new Uint8Array(32).fill(2) }
const FOREIGN = 'fw_2Qm8LxT0vR5yHs7JkWcZ9bNdUaEi3PgF'

async function importedInto(store: KeyStore): Promise<ReturnType<typeof createTwinkey>> {
  const twinkey = createTwinkey({
    store,
    importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 40 }],
  })
  await twinkey.keys.import({
    name: 'imported',
    scope,
    primary: { secret: FOREIGN, entropyBits: 190 },
  })
  return twinkey
}

const pepperChecks: readonly Check[] = [
  {
    name: 'a secret verifies under its pepper, and after the pepper was changed',
    async run() {
      const store = memoryStore()
      const { primary } = await createTwinkey({
        store,
        pepper: { current: 'a', keys: PEPPERS },
      }).keys.create({ name: 'one', scope })
      same(
        await verdictOf(
          { twinkey: createTwinkey({ store, pepper: { current: 'b', keys: PEPPERS } }) },
          primary,
        ),
        'let in',
      )
    },
  },
  {
    name: 'a pepper that is not configured is unavailable, not invalid',
    async run() {
      const store = memoryStore()
      const { primary } = await createTwinkey({
        store,
        pepper: { current: 'a', keys: PEPPERS },
      }).keys.create({ name: 'one', scope })
      const twinkey = createTwinkey({ store, pepper: { current: 'b', keys: { b: PEPPERS.b } } })
      same(await verdictOf({ twinkey }, primary), 'unavailable')
    },
  },
  {
    name: 'a secret of another system verifies from its digest',
    async run() {
      const twinkey = await importedInto(memoryStore())
      same(await verdictOf({ twinkey }, FOREIGN), 'let in')
      same(await verdictOf({ twinkey }, FOREIGN.replace('Q', 'q')), 'credential_invalid')
    },
  },
  {
    name: 'the same secret is not imported twice',
    async run() {
      const store = memoryStore()
      await importedInto(store)
      const fault = await importedInto(store).catch((error: { code: string }) => error.code)
      same(fault, 'secret_taken')
    },
  },
  {
    name: 'a cached secret is decided without waiting',
    async run() {
      const { twinkey, primary } = await keyFor()
      const request = sent({ credential: primary })
      same(decidedNow(twinkey, request, anyTarget), undefined)
      await twinkey.authenticate(request, anyTarget)
      const decision = decidedNow(twinkey, request, anyTarget)
      same(decision?.ok && decision.principal?.name, 'one')
    },
  },
]

/** Digests, the form of secrets, and what is stored of them. */
export const secretChecks: readonly Check[] = [...hashChecks, ...formChecks, ...pepperChecks]
