import { useRef, useState } from 'preact/hooks'
import { firstPage, type ListQuery, pageAfter, unique } from '../list/pages.ts'
import { api } from './api.ts'
import type { Answer, ApiKey, Failure } from './model.ts'

/** The keys that the page knows. */
export interface KeyStore {
  /** The keys of the list, in its order. */
  readonly listed: readonly ApiKey[]
  readonly status: 'loading' | 'loading more' | 'ready'
  readonly failure: Failure | undefined
  readonly hasMore: boolean
  /** The last key that was created on this page. */
  readonly created: string | undefined
  get(id: string): ApiKey | undefined
  load(query: ListQuery): Promise<void>
  more(): Promise<void>
  /** Reads a key again. */
  reload(id: string): Promise<Answer<ApiKey>>
  /** Takes over a newer version of a key. */
  put(key: ApiKey): void
  /** Shows a new key first. */
  add(key: ApiKey): void
  remove(id: string): void
}

interface State {
  readonly byId: Readonly<Record<string, ApiKey>>
  readonly ids: readonly string[]
  readonly cursor?: string | undefined
  readonly status: KeyStore['status']
  readonly failure?: Failure | undefined
  readonly created?: string
}

const EMPTY: ListQuery = { text: '', filter: 'all' }

const withKeys = (state: State, keys: readonly ApiKey[]): State => ({
  ...state,
  byId: { ...state.byId, ...Object.fromEntries(keys.map((key) => [key.id, key])) },
})

function useLoading(now: () => number, change: (next: (state: State) => State) => void) {
  const asked = useRef(0)
  const query = useRef(EMPTY)
  const cursor = useRef<string | undefined>(undefined)
  const read = async (isFirst: boolean) => {
    const question = ++asked.current
    change((state) => ({ ...state, status: isFirst ? 'loading' : 'loading more' }))
    const answer =
      isFirst || cursor.current === undefined
        ? await firstPage(query.current, now())
        : await pageAfter(cursor.current, query.current, now())
    // A newer question is under way: its answer counts.
    if (question !== asked.current) return
    if (!answer.ok)
      return change((state) => ({ ...state, status: 'ready', failure: answer.failure }))
    const { keys, nextCursor } = answer.value
    cursor.current = nextCursor
    change((state) => {
      const before = isFirst ? [] : state.ids.flatMap((id) => state.byId[id] ?? [])
      const ids = unique(before, keys).map(({ id }) => id)
      return withKeys(
        { ...state, ids, cursor: nextCursor, status: 'ready', failure: undefined },
        keys,
      )
    })
  }
  return {
    load(next: ListQuery) {
      query.current = next
      return read(true)
    },
    more: () => read(false),
  }
}

/** Creates the store of keys. */
export function useKeys(now: () => number): KeyStore {
  const [state, change] = useState<State>({ byId: {}, ids: [], status: 'loading' })
  const put = (key: ApiKey) => change((before) => withKeys(before, [key]))
  return {
    listed: state.ids.flatMap((id) => state.byId[id] ?? []),
    status: state.status,
    failure: state.failure,
    hasMore: state.cursor !== undefined,
    created: state.created,
    get: (id) => state.byId[id],
    ...useLoading(now, change),
    async reload(id) {
      const answer = await api.get(id)
      if (answer.ok) put(answer.value)
      return answer
    },
    put,
    add(key) {
      change((before) => {
        const ids = [key.id, ...before.ids.filter((id) => id !== key.id)]
        return withKeys({ ...before, ids, created: key.id }, [key])
      })
    },
    remove(id) {
      change((before) => ({ ...before, ids: before.ids.filter((each) => each !== id) }))
    },
  }
}
