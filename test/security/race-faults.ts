import type { Decision, KeyStore, Requirement, StoredKey, Twinkey } from 'twinkey'
import type { Broken } from './race.ts'

type Authenticate = (
  request: Parameters<Twinkey['authenticate']>[0],
  requirement?: Requirement,
) => Promise<Decision>

/** Writes without comparing: what is there when it is written counts, not what was read. */
const blindWrites: Broken = {
  store: (inner) => ({
    ...inner,
    put: async (next, expected) => inner.put(next, await versionOf(inner, next, expected)),
  }),
}

async function versionOf(
  inner: KeyStore,
  next: StoredKey,
  expected: number | undefined,
): Promise<number | undefined> {
  return (await inner.get(next.id))?.version ?? expected
}

/** Changes a record by taking it away and writing it anew, so that for a moment it is not there. */
const removeThenWrite: Broken = {
  store: (inner) => ({
    ...inner,
    async put(next, expected) {
      if (expected === undefined) return inner.put(next, undefined)
      const removed = await inner.delete(next.id, expected)
      return removed === 'deleted' ? inner.put(next, undefined) : removed
    },
  }),
}

/**
 * Keeps what it has read, forgets it when it changes, and lets a read that was under way fill the
 * place again.
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
      put: (next, expected) => forgetting(next.id, inner.put(next, expected)),
      delete: (id, expected) => forgetting(id, inner.delete(id, expected)),
      watch: async (changed) =>
        (await inner.watch?.((id) => {
          if (id === undefined) kept.clear()
          else kept.delete(id)
          changed(id)
        })) ?? (async () => {}),
    }
  },
}

/** Lets a credential in that it has let in before. */
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

/** Has everybody wait for the decision that is under way, whoever it is about. */
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

/** For each race a part that is broken so that it must find it. */
export const faults: Readonly<Record<string, readonly [what: string, broken: Broken]>> = {
  'create/create': ['a store that does not compare versions', blindWrites],
  'rotate/rotate': ['a store that does not compare versions', blindWrites],
  'rotate/verify': ['a rotation that takes the key away and writes it anew', removeThenWrite],
  'regenerate/token-issue': ['a memory of whom it has let in', remembersVerdicts],
  'disable/verify': LATE,
  'delete/verify': LATE,
  'revoke/fill': LATE,
  'invalidate/load': LATE,
  'two callers': ['a decision that everybody shares who asks at the same time', oneFlightForAll],
}
