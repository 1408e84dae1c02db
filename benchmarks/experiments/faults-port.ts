import type { KeyStore, StoredKey } from 'twinkey/store'
import { type Fault, LATE_MILLISECONDS } from './faults-bed.ts'
import { DEADLINE_SECONDS } from './faults-traffic.ts'

// The methods that replace those of a store.
type Methods = (inner: KeyStore) => Partial<KeyStore>
type Way = <T>(call: () => Promise<T>) => Promise<T>

// Within the deadline for one call, but too late for two calls.
const SLOW_MILLISECONDS = 0.6 * DEADLINE_SECONDS * 1000
const FEED_LOST_EVERY_MILLISECONDS = 100

/** Faults at the port of a store, by name. */
export const portFaults: Readonly<Record<string, Fault>> = {
  'error: it rejects': every(async () => {
    throw down()
  }),
  'error: it throws': every(() => {
    throw down()
  }),
  'error: now and then': every(async (call) => {
    if (Math.random() < 0.5) throw down()
    return call()
  }),
  'error: it does what is asked, and rejects': every(async (call) => {
    await call()
    throw down()
  }),
  'timeout: it never answers': every(() => new Promise(() => {})),
  'slow: it begins after the deadline': every(async (call) => {
    await pause(LATE_MILLISECONDS)
    return call()
  }),
  'slow: it answers after the deadline': every(async (call) => {
    const answer = await call()
    await pause(LATE_MILLISECONDS)
    return answer
  }),
  'slow: in time, while the feed is lost again and again': async (bed) => {
    const timer = setInterval(() => {
      for (const node of bed.nodes) node.missed()
    }, FEED_LOST_EVERY_MILLISECONDS)
    const end = await replaced((inner) => ({
      async get(id) {
        await pause(SLOW_MILLISECONDS)
        return inner.get(id)
      },
    }))(bed)
    return async () => {
      clearInterval(timer)
      await end()
    }
  },
  'garbage: answers of another form': replaced(garbage),
  'partial answer: half a record': replaced(partial),
}

function replaced(methods: Methods): Fault {
  return async ({ nodes }) => {
    for (const node of nodes) node.override(methods(node.inner))
    return async () => {
      for (const node of nodes) node.override({})
    }
  }
}

function every(way: Way): Fault {
  return replaced((inner) => ({
    get: (id) => way(() => inner.get(id)),
    put: (next, expectedVersion, entry) => way(() => inner.put(next, expectedVersion, entry)),
    delete: (id, expectedVersion, entry) => way(() => inner.delete(id, expectedVersion, entry)),
    list: (query) => way(() => inner.list(query)),
    history: (query) => way(() => inner.history(query)),
    forgetHistory: (before) => way(() => inner.forgetHistory(before)),
    recordUse: (uses) => way(() => inner.recordUse(uses)),
  }))
}

// Invalid answers of a store. "No such record" is not among them, because it is a valid answer.
function garbage(inner: KeyStore): Partial<KeyStore> {
  let turn = 0
  let other: StoredKey | undefined
  const one = (answers: readonly unknown[]) => answers[turn++ % answers.length]
  const throwing = Object.defineProperty({}, 'kind', { enumerable: true, get: () => fail() })
  const plain = [
    null,
    0,
    1,
    '',
    'stored?',
    true,
    [],
    {},
    new Date(),
    () => {},
    throwing,
    { kind: 'key' },
    { kind: 'alias' },
  ]
  const changed = (record: StoredKey) => [
    { ...record, id: 'another' },
    { ...record, kind: 'other' },
    { ...record, version: 'one' },
    { ...record, disabledBy: 'yes' },
    { ...record, scope: '*' },
    { ...record, revokedAt: 'never' },
    { ...record, primary: { digest: '' } },
    JSON.stringify(record),
    [record],
    ...(other === undefined || other.id === record.id ? [] : [other]),
  ]
  // In half of the cases the call still takes effect.
  const afterAll = async (call: () => Promise<unknown>) => {
    if (turn % 2 === 0) await call()
    return one(plain)
  }
  return {
    async get(id) {
      const record = await inner.get(id)
      const answer = one(record === undefined ? plain : [...plain, ...changed(record)])
      other = record ?? other
      return answer as StoredKey
    },
    put: async (next, expectedVersion, entry) =>
      (await afterAll(() => inner.put(next, expectedVersion, entry))) as 'stored',
    delete: async (id, expectedVersion, entry) =>
      (await afterAll(() => inner.delete(id, expectedVersion, entry))) as 'deleted',
    list: async () =>
      one([...plain, { keys: null }, { keys: plain }, { keys: [], next: 1 }]) as Awaited<
        ReturnType<KeyStore['list']>
      >,
    history: async () =>
      one([...plain, { entries: null }, { entries: plain }, { entries: [], next: 1 }]) as Awaited<
        ReturnType<KeyStore['history']>
      >,
    recordUse: async (uses) => (await afterAll(() => inner.recordUse(uses))) as undefined,
  }
}

// A member is missing or truncated.
function partial(inner: KeyStore): Partial<KeyStore> {
  let turn = 0
  const cut = <T extends object>(whole: T): T => {
    const members = Object.entries(whole)
    const at = turn++ % (members.length + 1)
    const [name = '', value] = members[at] ?? []
    if (at === members.length) return Object.fromEntries(members.slice(0, at / 2)) as T
    const { [name as keyof T]: _, ...others } = whole
    if (typeof value !== 'object' || value === null || turn % 2 === 0) return others as T
    return {
      ...others,
      [name]:
        'digest' in value ? { ...value, digest: String(value.digest).slice(0, 30) } : undefined,
    } as T
  }
  return {
    async get(id) {
      const record = await inner.get(id)
      return record && cut(record)
    },
    list: async (query) =>
      cut({ ...(await inner.list(query)), next: null as unknown as undefined }),
    history: async (query) => {
      const { entries, next } = await inner.history(query)
      return cut({ entries: entries.map(cut), next })
    },
    put: async (next, expectedVersion, entry) =>
      (await inner.put(next, expectedVersion, entry)).slice(0, 3) as 'stored',
    delete: async (id, expectedVersion, entry) =>
      (await inner.delete(id, expectedVersion, entry)).slice(0, 3) as 'deleted',
  }
}

function fail(): never {
  throw new Error('a member that cannot be read')
}

const down = () => new Error('the store is down')

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
