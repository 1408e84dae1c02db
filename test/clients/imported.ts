import type { ImportKeyInput, TwinkeyOptions } from 'twinkey'
import { type Bench, createBench } from '../support/bench.ts'

/** Two secrets as another system may have issued them. */
export const FIRST = 'fw_2Qm8LxT0vR5yHs7JkWcZ9bNdUaEi3PgF+/='
export const SECOND = 'fw-7Tn1KyS4wQ6xGr8HjVbX0cMeYaDi5OfE+/='

/** The pepper of that system. */
export const LEGACY = new Uint8Array(32).fill(9)
export const pepper = { current: 'new', keys: { new: new Uint8Array(32).fill(1), legacy: LEGACY } }

export const PLAIN = { algorithm: 'sha-256', minLength: 32, maxLength: 64 } as const
export const HMAC = {
  algorithm: 'hmac-sha-256',
  pepper: 'legacy',
  minLength: 32,
  maxLength: 64,
} as const

/** A bench that looks up the plain digests of imported secrets by default. */
export function importBench(options: TwinkeyOptions = {}): Bench {
  return createBench({ importedSecrets: [PLAIN], ...options })
}

/** What to import. Default: the first secret. */
export function input(more: Partial<ImportKeyInput> = {}): ImportKeyInput {
  return {
    name: 'moved',
    owner: 'ada',
    scope: { tenants: ['t'], workflows: '*' },
    primary: { secret: FIRST, entropyBits: 190 },
    ...more,
  }
}

/** Both secrets, under one key. */
export function both(): ImportKeyInput {
  return input({ secondary: { secret: SECOND, entropyBits: 190 } })
}

/** The slot in which a secret is active, or the code of its refusal. */
export async function slotIn({ twinkey }: Bench, secret: string): Promise<string> {
  const verified = await twinkey.keys.verify(secret)
  return verified.ok ? verified.slot : verified.refusal.code
}
