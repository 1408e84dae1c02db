import type { ApiKey, Failure, KeyLimit } from '../base/model.ts'
import { isLimited, WINDOWS, windowMembers, windowOf } from './limits.ts'

/** A limit as it is typed. */
export interface LimitRow {
  /** The same as long as the row exists. */
  readonly id: number
  readonly requests: string
  readonly window: string
  readonly name?: string | undefined
}

/** Which limits a key has. The rows are kept while another choice is made. */
export interface LimitsForm {
  readonly kind: 'api' | 'own' | 'none'
  readonly rows: readonly LimitRow[]
}

/** Which networks a key has, as they are typed. */
export interface NetworksForm {
  readonly kind: 'any' | 'only'
  readonly text: string
}

/** What a form says about the policies of a key. */
export interface PolicyForm {
  readonly limits: LimitsForm
  readonly networks: NetworksForm
  readonly tokens: boolean
}

/** The policies of a request. Members that are absent stay as they are, or as the server sets them. */
export type Policies = Partial<Pick<ApiKey, 'limits' | 'networks' | 'tokens'>>

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

const FIRST_ROW: LimitRow = { id: 0, requests: '1000', window: '60s' }

/** The form of a key without policies of its own. */
export const NO_POLICIES: PolicyForm = {
  limits: { kind: 'api', rows: [FIRST_ROW] },
  networks: { kind: 'any', text: '' },
  tokens: false,
}

/** The form that says what a key has. */
export function policyFormOf(
  key: Pick<ApiKey, 'limits' | 'networks' | 'tokens'>,
  allowed: readonly string[] | null,
): PolicyForm {
  const { limits, networks } = key
  const rows = (limits ?? []).map((limit, id) => ({
    id,
    requests: String(limit.requests),
    window: windowOf(limit),
    name: limit.name,
  }))
  return {
    limits: {
      kind: limits === null ? 'api' : rows.length > 0 ? 'own' : 'none',
      rows: rows.length > 0 ? rows : [FIRST_ROW],
    },
    networks: {
      kind: networks === null || isSame(networks, allowed) ? 'any' : 'only',
      text: (networks ?? []).join('\n'),
    },
    // A key that gets its first limits or networks can no longer be exchanged, unless that is chosen.
    tokens: isLimited(key) && key.tokens,
  }
}

/** The windows that a row can have: those that no other row has. */
export function freeWindows(rows: readonly LimitRow[], row?: LimitRow): string[] {
  const taken = new Set(rows.filter((each) => each !== row).map(({ window }) => window))
  const own = row === undefined || WINDOWS.includes(row.window) ? [] : [row.window]
  return [...WINDOWS, ...own].filter((window) => !taken.has(window))
}

/** The number of requests that a row says. Undefined unless it is a whole number from 1. */
export function requestsOf({ requests }: LimitRow): number | undefined {
  const digits = requests.replace(/[\s,]/g, '')
  const count = /^\d{1,15}$/.test(digits) ? Number(digits) : 0
  return count >= 1 ? count : undefined
}

/** The limits of the form: null for those of the API. Undefined if a number is missing. */
export function limitsOf({ kind, rows }: LimitsForm): readonly KeyLimit[] | null | undefined {
  if (kind !== 'own') return kind === 'api' ? null : []
  const limits = rows.flatMap((row) => {
    const requests = requestsOf(row)
    const name = row.name === undefined ? {} : { name: row.name }
    return requests === undefined ? [] : [{ ...name, requests, ...windowMembers(row.window) }]
  })
  return limits.length === rows.length ? limits : undefined
}

/**
 * The networks of the form: those that are allowed, null for any. Undefined if none is typed. The
 * server checks them.
 */
export function networksOf(
  { kind, text }: NetworksForm,
  allowed: readonly string[] | null,
): readonly string[] | null | undefined {
  if (kind === 'any') return allowed
  const networks = text.split(/[\s,;]+/).filter((each) => each !== '')
  return networks.length > 0 ? networks : undefined
}

/** Whether the form gives the key limits or networks of its own. */
export function restricts({ limits, networks }: PolicyForm): boolean {
  return limits.kind === 'own' || networks.kind === 'only'
}

/** The names of the fields that are not filled in. */
export function missingPolicies({ limits, networks }: PolicyForm): string[] {
  return [
    ...(limitsOf(limits) === undefined ? ['limits'] : []),
    ...(networksOf(networks, null) === undefined ? ['networks'] : []),
  ]
}

/** The policies that a form changes: of a key, or of what a new one gets. */
export function changedPolicies(
  form: PolicyForm,
  key: Pick<ApiKey, 'limits' | 'networks' | 'tokens'>,
  allowed: readonly string[] | null,
): Policies {
  const [limits, networks] = [limitsOf(form.limits), networksOf(form.networks, allowed)]
  return {
    ...(limits !== undefined && !isSame(limits, key.limits) && { limits }),
    ...(networks !== undefined && !isSame(networks, key.networks) && { networks }),
    ...(form.tokens !== policyFormOf(key, allowed).tokens && { tokens: form.tokens }),
  }
}

/** The field that the server refuses, by its sentence. Undefined if it is another one. */
export function refusedField(failure: Failure | undefined): 'limits' | 'networks' | undefined {
  const { code, detail = '' } = failure ?? {}
  if (code === 'not_grantable')
    return /(?:these|wider) networks\.$/.test(detail) ? 'networks' : undefined
  if (code !== 'invalid_input') return undefined
  return (['limits', 'networks'] as const).find((field) => detail.startsWith(`${field} `))
}

/** The server's sentence about a field, such as `networks must be …`, without the name of the field. */
export function refusalText({ detail = '' }: Failure = { code: '' }): string {
  const rest = detail.slice(detail.indexOf(' ') + 1)
  return rest.charAt(0).toUpperCase() + rest.slice(1)
}
