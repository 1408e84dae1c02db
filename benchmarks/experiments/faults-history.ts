import type { KeyStore } from 'twinkey/store'
import { entriesOf, historyProblem, type NotedChange } from './history-account.ts'

// A call that a node has given up may still be on its way.
const ATTEMPTS = 60
const PAUSE_MILLISECONDS = 50

/** Compares the histories of all keys that nodes have changed with their records. */
export async function unlike(noted: readonly NotedChange[], store: KeyStore) {
  const byKey = new Map<string, NotedChange[]>()
  for (const change of noted) {
    const ofKey = byKey.get(change.id) ?? []
    byKey.set(change.id, ofKey)
    ofKey.push(change)
  }
  const problems: string[] = []
  let entries = 0
  for (const [id, changes] of byKey) {
    const { problem, count } = await settled(id, changes, store)
    if (problem !== undefined) problems.push(problem)
    entries += count
  }
  return { changedKeys: byKey.size, entries, unlike: problems }
}

async function settled(id: string, changes: readonly NotedChange[], store: KeyStore) {
  for (let attempt = 1; ; attempt++) {
    const found = await entriesOf(store, { keyId: id })
    const problem = historyProblem(changes, found, await store.get(id))
    if (problem === undefined || attempt === ATTEMPTS) return { problem, count: found.length }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS))
  }
}
