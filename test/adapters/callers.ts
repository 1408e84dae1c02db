import type { Twinkey } from 'twinkey'
import { type Bench, createBench } from '../support/bench.ts'

/** A Twinkey with a few keys. The tenants are t1 and t2; the deployment serves one environment. */
export interface Callers extends Bench {
  readonly secrets: { readonly t1: string; readonly anyTenant: string; readonly disabled: string }
  /** A token of the key `t1`. */
  readonly token: string
}

export async function createCallers(): Promise<Callers> {
  const bench = createBench({
    prefixes: ['acme'],
    environments: ['production'],
    cache: { maxAgeSeconds: 3600 },
  })
  const { keys, tokens } = bench.twinkey
  const t1 = await keys.create({
    name: 't1',
    scope: { tenants: ['t1'], workflows: ['flows.read'] },
  })
  const anyTenant = await keys.create({
    name: 'any tenant',
    scope: { tenants: '*', workflows: '*' },
  })
  const disabled = await keys.create({
    name: 'disabled',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  await keys.disable(disabled.key.id)
  const issued = await tokens.issue(t1.primary)
  if (!issued.ok) throw new Error(issued.refusal.code)
  // Long enough for the next use of the key to be written down as well.
  bench.clock.advance(120_000)
  return {
    ...bench,
    token: issued.token,
    secrets: { t1: t1.primary, anyTenant: anyTenant.primary, disabled: disabled.primary },
  }
}

/** Loads a key into the cache, so that the next decision about it is synchronous. */
export async function warm(twinkey: Twinkey, secret: string): Promise<void> {
  await twinkey.keys.verify(secret)
}

/** Credentials of another system: an optional guard passes them on to the next scheme. */
export const FOREIGN = {
  none: undefined,
  'another scheme': 'Basic eDp5',
  'a foreign prefix': 'Bearer other_0123456789',
  'a foreign token': `Bearer ${[
    { alg: 'ES256', typ: 'JWT' },
    { iss: 'https://elsewhere.test', sub: 'ada' },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')}.${'A'.repeat(86)}`,
} as const

/** Inactive Twinkey credentials: no guard passes them on. */
export function deadOf({ secrets: { t1, disabled } }: Callers): Record<string, string> {
  return {
    'a disabled key': `Bearer ${disabled}`,
    'a key that nobody has': `Bearer ${t1.slice(0, 8)}${t1[8] === 'x' ? 'y' : 'x'}${t1.slice(9)}`,
    'our prefix alone': 'Bearer acme_',
    'two credentials': `Bearer ${t1}, Bearer ${t1}`,
  }
}
