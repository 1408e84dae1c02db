import { hash, randomBytes } from 'node:crypto'
import { memoryStore, type WireRequest } from 'twinkey'
import type { KeyRecord, KeyStore } from 'twinkey/store'
import {
  digestSecret,
  matchSecret,
  type SlotDigests,
  slotDigests,
} from '../../src/core/secrets/digest.ts'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import { CheckedRequirement } from '../../src/guard/requirement.ts'
import { createTwinkey } from '../../src/twinkey.ts'

/** A timed operation on a number of slots. Each slot holds a value of one of two classes. */
export interface Trial {
  readonly name: string
  /** Fills every slot with a new value of the given class. Never timed. */
  fill(classes: Uint8Array): void | Promise<void>
  /** One call on the value in a slot. */
  call(slot: number): unknown
}

const PAIRS = 16

/** The trials. Each compares two classes of secrets, all of them wrong. */
export async function trialsOf(
  slots: number,
): Promise<Readonly<Record<'compare' | 'same' | 'earlyExit' | 'verify' | 'unknownId', Trial>>> {
  const secrets = Array.from({ length: slots }, () => mintSecret('tk', mintId()))
  return {
    compare: compareTrial(
      'compare: all but the last byte right, against random',
      secrets,
      matchSecret,
      nearlyRight,
    ),
    same: compareTrial('control: random against random', secrets, matchSecret, () => {}),
    earlyExit: compareTrial(
      'control: a compare that ends at the first difference',
      secrets,
      leakingCompare,
      nearlyRight,
    ),
    verify: await verifyTrial(
      'verify: all but the last byte right, against random',
      secrets,
      (record, secret) => ({
        ...record,
        primary: { ...record.primary, digest: `sha-256:${nearDigest(secret)}` },
      }),
    ),
    unknownId: await verifyTrial(
      'verify: unknown id, against known id with a wrong secret',
      secrets,
      () => undefined,
    ),
  }
}

type Compare = (secret: string, digests: SlotDigests, pepper: undefined) => unknown

// Both classes are created in the same way. Only their contents differ.
function compareTrial(
  name: string,
  secrets: readonly string[],
  compare: Compare,
  nearer: (pairs: Uint16Array, right: Uint16Array) => void,
): Trial {
  const right = secrets.map((secret) =>
    codesOf(slotDigests(digestSecret(secret, undefined), undefined).pairs),
  )
  const digests = secrets.map(() => slotDigests(digestSecret('', undefined), undefined))
  return {
    name,
    fill(classes) {
      const random = new Uint16Array(randomBytes(secrets.length * PAIRS * 4).buffer)
      for (const [slot, digest] of digests.entries()) {
        const pairs = random.subarray(slot * PAIRS * 2, (slot + 1) * PAIRS * 2)
        if (classes[slot] === 0) nearer(pairs, right[slot] as Uint16Array)
        digests[slot] = { ...digest, pairs: String.fromCharCode(...pairs) }
      }
    },
    call: (slot) => compare(secrets[slot] as string, digests[slot] as SlotDigests, undefined),
  }
}

function nearlyRight(pairs: Uint16Array, right: Uint16Array): void {
  for (let i = 0; i < PAIRS; i++) pairs[i] = right[i] as number
  pairs[PAIRS - 1] = (pairs[PAIRS - 1] as number) ^ (1 << 8)
}

function codesOf(pairs: string): Uint16Array {
  return Uint16Array.from(pairs, (pair) => pair.charCodeAt(0))
}

// A leaking comparison of the same digests, which must be detected.
function leakingCompare(secret: string, { pairs }: SlotDigests): boolean {
  const digest = hash('sha256', secret, 'buffer')
  for (let i = 0; i < digest.length; i++) {
    if (digest[i] !== ((pairs.charCodeAt(i >> 1) >>> ((i & 1) * 8)) & 0xff)) return false
  }
  return true
}

// A Twinkey whose cache is cleared and refilled each time, with the same ids and secrets.
async function verifyTrial(
  name: string,
  secrets: readonly string[],
  special: (record: KeyRecord, secret: string) => KeyRecord | undefined,
): Promise<Trial> {
  const original = await sampleRecord()
  const ids = secrets.map((secret) => secret.slice(3, 19))
  const records = new Map<string, KeyRecord | undefined>()
  let changed: (id: string | undefined) => void = () => {}
  const store: KeyStore = {
    ...memoryStore(),
    get: async (id) => records.get(id),
    async watch(listener) {
      changed = listener
      return async () => {}
    },
  }
  const now = Date.now()
  const twinkey = createTwinkey({ store, now: () => now })
  const requirement = new CheckedRequirement({ anyTarget: true })
  const requests = secrets.map(requestOf)
  // The feed is requested in its own turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  return {
    name,
    async fill(classes) {
      changed(undefined)
      const random = randomBytes(32 * secrets.length)
      for (const [slot, id] of ids.entries()) {
        const digest = `sha-256:${random.toString('base64url', slot * 32, slot * 32 + 32)}`
        const record = { ...original, id, primary: { ...original.primary, digest } }
        records.set(id, classes[slot] === 0 ? special(record, secrets[slot] as string) : record)
      }
      for (const request of requests) await twinkey.authenticate(request, requirement)
    },
    call(slot) {
      const decision = twinkey.decide(requests[slot] as WireRequest, requirement)
      if ('then' in decision || decision.ok)
        throw new Error('What is timed is a refusal of what is known.')
      return decision
    },
  }
}

async function sampleRecord(): Promise<KeyRecord> {
  const store = memoryStore()
  const { key } = await createTwinkey({ store }).keys.create({
    name: 'timed',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const record = await store.get(key.id)
  if (record?.kind !== 'key') throw new Error('the key is not there')
  return record
}

/** The digest of a secret with a changed last byte. */
export function nearDigest(secret: string): string {
  const digest = hash('sha256', secret, 'buffer')
  digest[31] = (digest[31] as number) ^ 1
  return digest.toString('base64url')
}

function requestOf(secret: string): WireRequest {
  return {
    method: 'GET',
    url: '/',
    header: (name) => (name === 'x-api-key' ? secret : undefined),
    param: () => undefined,
  }
}
