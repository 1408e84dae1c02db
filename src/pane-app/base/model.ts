import type { KeyLimit } from '../../core/model/api-key.ts'
import type { ApiKey } from '../../core/model/key-view.ts'
import type { LimitUse } from '../../core/model/limiter.ts'
import type { Right } from '../../core/model/operations.ts'
import type { Scope } from '../../core/model/scope.ts'

import type { PaneStrings } from '../strings.ts'

export type { KeyLimit } from '../../core/model/api-key.ts'
export type { HistoryEntry } from '../../core/model/history.ts'
export type { ApiKey, SecretInfo } from '../../core/model/key-view.ts'
export type { LimitUse } from '../../core/model/limiter.ts'
export type { Right } from '../../core/model/operations.ts'
export type { Scope, ScopeValue } from '../../core/model/scope.ts'
export type { Slot } from '../../core/secrets/secret.ts'

/** How the server configures the page. */
export interface PaneConfig {
  readonly title: string
  /** Replacements for texts of the page. */
  readonly strings: Partial<PaneStrings>
  /** A secret counts as idle after this many seconds without use. */
  readonly idleAfterSeconds: number
  /** The request that tests a new secret. A null URL stands for the origin of the page. */
  readonly test: { readonly url: string | null; readonly header: string; readonly value: string }
}

/** The rules for new keys. Lifetimes are in seconds. */
export interface Policy {
  readonly maxKeys?: number
  readonly defaultExpiresInSeconds?: number
  readonly maxExpiresInSeconds?: number
  readonly secrets?: 1 | 2
  /** The limits of every new key. The person cannot choose others. */
  readonly limits?: readonly KeyLimit[]
  /** The networks of a key must lie within these. */
  readonly networks?: readonly string[]
}

/** Who uses the page, and what they may do. The answer to `GET /session`. */
export interface Session {
  readonly actor: string
  /** Null for an operator, who sees the keys of all owners. */
  readonly owner: string | null
  readonly tenants: readonly string[] | null
  readonly grantable: Scope
  /** The environments that the deployment serves. */
  readonly environments: '*' | readonly string[]
  readonly can: readonly Right[]
  readonly policy: Policy
  /** The limits of keys whose limits are null. */
  readonly defaultLimits: readonly KeyLimit[]
  /** Whether requests are counted. Otherwise no key can have limits. */
  readonly hasLimiter: boolean
  /** The clock of the server, in epoch milliseconds. */
  readonly now: number
}

/** The secrets of an answer. Null for a slot that did not get a new one. */
export interface Issued {
  readonly key: ApiKey
  readonly primary: string | null
  readonly secondary: string | null
  readonly code?: string
}

/** What is left of the limits that apply to a key. */
export interface Usage {
  readonly limits: readonly LimitUse[]
}

/** Why a request failed. */
export interface Failure {
  /** A code of the API, or `offline`, `unreachable` or `no_answer` if there was no answer. */
  readonly code: string
  readonly detail?: string | undefined
  /** With `session_expired`: where to sign in. */
  readonly login?: string | undefined
}

/** The outcome of a request. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure }

/** The members of a scope, in the order in which the page shows them. */
export const AXES = ['tenants', 'environments', 'workflows'] as const

/** One member of a scope. */
export type AxisName = (typeof AXES)[number]

/** Text that was typed into forms, by the name of the form. In memory only. */
export type Drafts = Map<string, object>
