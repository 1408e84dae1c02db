import type { Decision, Requirement, Twinkey } from 'twinkey'
import type { KeyStore, StoredKey } from 'twinkey/store'
import type { Broken } from './race.ts'

type Authenticate = (
  request: Parameters<Twinkey['authenticate']>[0],
  requirement?: Requirement,
) => Promise<Decision>

/** Writes without comparing versions. */
const blindWrites: Broken = {
  store: (inner) => ({
    ...inner,
    put: async (next, expected, entry) =>
      inner.put(next, await versionOf(inner, next, expected), entry),
  }),
}

async function versionOf(
  inner: KeyStore,
  next: StoredKey,
  expected: number | undefined,
): Promise<number | undefined> {
  return (await inner.get(next.id))?.version ?? expected
}

/** Changes a record by deleting and recreating it, so that it is missing for a moment. */
const removeThenWrite: Broken = {
  store: (inner) => ({
    ...inner,
    async put(next, expected, entry) {
      if (expected === undefined) return inner.put(next, undefined, entry)
      const removed = await inner.delete(next.id, expected, undefined)
      return removed === 'deleted' ? inner.put(next, undefined, entry) : removed
    },
  }),
}

/**
 * Caches what it has read, drops it on a change, and lets a read in flight fill the place again.
 */
const fillsLate: Broken = {
  store(inner) {
    const kept = new Map<string, StoredKey | undefined>()
    const forgetting = async <T>(id: string, call: Promise<T>) => {
      const answer = await call
      kept.delete(id)
      return answer
    }
    return {
      ...inner,
      async get(id) {
        if (kept.has(id)) return kept.get(id)
        const found = await inner.get(id)
        kept.set(id, found)
        return found
      },
      put: (next, expected, entry) => forgetting(next.id, inner.put(next, expected, entry)),
      delete: (id, expected, entry) => forgetting(id, inner.delete(id, expected, entry)),
      watch: async (changed) =>
        (await inner.watch?.((id) => {
          if (id === undefined) kept.clear()
          else kept.delete(id)
          changed(id)
        })) ?? (async () => {}),
    }
  },
}

/** Accepts a credential that it has accepted before. */
const remembersVerdicts: Broken = {
  twinkey(sound) {
    const letIn = new Map<string, Decision>()
    const authenticate: Authenticate = async (request, requirement) => {
      const text = 'header' in request ? String(request.header('authorization')) : ''
      const decision = letIn.get(text) ?? (await sound.authenticate(request, requirement as object))
      if (decision.ok) letIn.set(text, decision)
      return decision
    }
    return {
      ...sound,
      authenticate: authenticate as Twinkey['authenticate'],
      decide: authenticate as Twinkey['decide'],
    }
  },
}

/** Makes every caller wait for the decision in flight, even if it is about another caller. */
export const oneFlightForAll: Broken = {
  twinkey(sound) {
    let flight: Promise<Decision> | undefined
    const authenticate: Authenticate = (request, requirement) => {
      flight ??= sound.authenticate(request, requirement as object).finally(() => {
        flight = undefined
      })
      return flight
    }
    return {
      ...sound,
      authenticate: authenticate as Twinkey['authenticate'],
      decide: authenticate as Twinkey['decide'],
    }
  },
}

const LATE = [
  'a cache that a read fills which was under way when it was told to forget',
  fillsLate,
] as const

/** For each race a broken part that it must find. */
export const faults: Readonly<Record<string, readonly [what: string, broken: Broken]>> = {
  'create/create': ['a store that does not compare versions', blindWrites],
  'rotate/rotate': ['a store that does not compare versions', blindWrites],
  'rotate/verify': ['a rotation that takes the key away and writes it anew', removeThenWrite],
  'renew/token-issue': ['a memory of whom it has let in', remembersVerdicts],
  'disable/verify': LATE,
  'delete/verify': LATE,
  'revoke/fill': LATE,
  'invalidate/load': LATE,
  'two callers': ['a decision that everybody shares who asks at the same time', oneFlightForAll],
}
