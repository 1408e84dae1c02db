import type { ExchangeOptions } from './exchange.ts'
import { createTokenSource, type TokenSource } from './token-source.ts'

interface Entry {
  readonly source: TokenSource
  readonly fetch: ExchangeOptions['fetch']
  readonly now: ExchangeOptions['now']
  users: number
}

// The only state of the module: clients with the same token URL, secret, scope and resource share
// their tokens. Entries are found by the whole secret, never by its key id, which is not secret.
const entries = new Map<string, Entry>()
// Bounds the memory for programs that create clients and never close them. A source that was removed
// still works for its clients.
const MAX_ENTRIES = 1000

/** A source that a client uses, and the call that ends its use. */
export interface SharedSource {
  readonly source: TokenSource
  readonly release: () => void
}

/**
 * Finds or creates the source of a secret. Clients with different `fetch` or `now` do not share it.
 * The last client that releases it ends it.
 */
export function shareSource(secret: string, options: ExchangeOptions): SharedSource {
  const { tokenUrl, scope = '', resource = '', fetch, now } = options
  const name = JSON.stringify([tokenUrl.href, secret, scope, resource])
  const known = entries.get(name)
  const isSame = known !== undefined && known.fetch === fetch && known.now === now
  const entry = isSame
    ? known
    : { source: createTokenSource(secret, options), fetch, now, users: 0 }
  if (known === undefined) makeRoom()
  if (!isSame) entries.set(name, entry)
  entry.users++
  let isReleased = false
  return {
    source: entry.source,
    release() {
      if (isReleased) return
      isReleased = true
      if (--entry.users > 0) return
      entry.source.end()
      if (entries.get(name) === entry) entries.delete(name)
    },
  }
}

function makeRoom(): void {
  const [oldest] = entries.size < MAX_ENTRIES ? [] : entries.keys()
  if (oldest !== undefined) entries.delete(oldest)
}
