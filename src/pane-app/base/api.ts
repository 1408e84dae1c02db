import type { Policies } from '../policies/policy-form.ts'
import type {
  Answer,
  ApiKey,
  Failure,
  HistoryEntry,
  Issued,
  Scope,
  Session,
  Usage,
} from './model.ts'

const TIMEOUT_MS = 30_000

interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly body?: object | undefined
  /** The version of the key that the person saw. */
  readonly version?: number
  readonly idempotencyKey?: string
}

/** What a new key needs. */
export interface NewKey extends Policies {
  readonly name: string
  readonly scope: Scope
  readonly expiresAt: number | null
  readonly secondary: boolean
}

/** One page of keys. It may be empty and still have a next one. */
export interface KeyPage {
  readonly keys: readonly ApiKey[]
  readonly nextCursor?: string
}

/** One page of history, newest first. */
export interface HistoryPage {
  readonly entries: readonly HistoryEntry[]
  readonly nextCursor?: string
}

/** The parts of a request to `GET /keys`. Undefined members are left out. */
export type KeyQuery = Readonly<Record<string, string | number | undefined>>

function headersOf({ method = 'GET', version, idempotencyKey }: Call): Record<string, string> {
  return {
    Accept: 'application/json',
    'X-Twinkey': '1',
    ...(method !== 'GET' && { 'Content-Type': 'application/json' }),
    ...(version !== undefined && { 'If-Match': `"${version}"` }),
    ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
  }
}

function lost(isChange: boolean): Failure {
  if (isChange) return { code: 'no_answer' }
  return { code: navigator.onLine ? 'unreachable' : 'offline' }
}

// A login page or a proxy in front of the API answers with a redirect or HTML.
function failureWithoutJson({ type, status, ok }: Response, isChange: boolean): Failure {
  if (type === 'opaqueredirect' || ok || status === 401) return { code: 'session_expired' }
  if (status >= 500) return { code: isChange ? 'outcome_unknown' : 'unavailable' }
  if (status === 403) return { code: 'not_permitted' }
  return { code: status === 404 ? 'not_found' : 'unexpected' }
}

async function send<T>(path: string, call: Call = {}): Promise<Answer<T>> {
  const { method = 'GET', body } = call
  const isChange = method !== 'GET'
  const fail = (failure: Failure): Answer<T> => ({ ok: false, failure })
  try {
    const response = await fetch(`./api/${path}`, {
      method,
      headers: headersOf(call),
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'manual',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.status === 204) return { ok: true, value: undefined as T }
    if (!/\bjson\b/.test(response.headers.get('content-type') ?? ''))
      return fail(failureWithoutJson(response, isChange))
    const value = await response.json()
    if (response.ok) return { ok: true, value }
    const { code, detail, login } = value as Failure
    return fail({ code: code ?? 'unexpected', detail, login })
  } catch {
    return fail(lost(isChange))
  }
}

function queryOf(members: KeyQuery): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) query.set(name, String(value))
  }
  return query.size === 0 ? '' : `?${query}`
}

const pathOf = (id: string, rest = '') => `keys/${encodeURIComponent(id)}${rest}`

const post = <T>(path: string, { version }: ApiKey, body: object = {}) =>
  send<T>(path, { method: 'POST', body, version })

/** The requests of the page. None of them rejects. */
export const api = {
  session: () => send<Session>('session'),
  list: (query: KeyQuery) => send<KeyPage>(`keys${queryOf(query)}`),
  get: (id: string) => send<ApiKey>(pathOf(id)),
  history: (id: string, cursor?: string) =>
    send<HistoryPage>(`${pathOf(id, '/history')}${queryOf({ limit: 10, cursor })}`),
  usage: (id: string) => send<Usage>(pathOf(id, '/usage')),
  create: (body: NewKey, idempotencyKey: string) =>
    send<Issued>('keys', { method: 'POST', body, idempotencyKey }),
  update: ({ id, version }: ApiKey, body: object) =>
    send<ApiKey>(pathOf(id), { method: 'PATCH', body, version }),
  remove: ({ id, version }: ApiKey) => send<undefined>(pathOf(id), { method: 'DELETE', version }),
  setState: (key: ApiKey, change: 'enable' | 'disable' | 'revoke') =>
    post<ApiKey>(pathOf(key.id, `/${change}`), key),
  renew: (key: ApiKey, slots: 'primary' | 'secondary' | 'both') =>
    post<Issued>(pathOf(key.id, '/renew'), key, { slots }),
  rotate: (key: ApiKey, options: { graceSeconds: number; replace?: 'secondary' }) =>
    post<Issued>(pathOf(key.id, '/rotate'), key, options),
  endSecondary: ({ id, version }: ApiKey) =>
    send<ApiKey>(pathOf(id, '/secrets/secondary'), { method: 'DELETE', version }),
}
