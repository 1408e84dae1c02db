import { useRef, useState } from 'preact/hooks'
import { type ListQuery, readPage } from '../list/pages.ts'
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
  /** Reads the next page. After a failure, reads the page that failed. */
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
  const read = async () => {
    const question = ++asked.current
    const from = cursor.current
    const isFirst = from === undefined
    change((state) => ({ ...state, status: isFirst ? 'loading' : 'loading more' }))
    const answer = await readPage(query.current, now(), from)
    // A newer request is in progress. Only its answer is used.
    if (question !== asked.current) return
    change((state) => {
      const ids = isFirst ? [] : state.ids
      const rest = { ...state, ids, status: 'ready' } as const
      if (!answer.ok) return { ...rest, failure: answer.failure, cursor: from }
      const { keys, nextCursor } = answer.value
      cursor.current = nextCursor
      const added = keys.map(({ id }) => id).filter((id) => !ids.includes(id))
      const next = { ...rest, ids: [...ids, ...added], failure: undefined, cursor: nextCursor }
      return withKeys(next, keys)
    })
  }
  return {
    load(next: ListQuery) {
      query.current = next
      cursor.current = undefined
      return read()
    },
    more: read,
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
