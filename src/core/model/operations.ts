import type { ErrorCode } from './error.ts'

/** What a keyring may do with the keys that it sees. */
export type Right =
  | 'read'
  | 'create'
  | 'update'
  | 'renew'
  | 'disable'
  | 'enable'
  | 'revoke'
  | 'delete'

/** The type of one member of an input. */
export type InputType =
  | 'name'
  | 'name or null'
  | 'text'
  | 'scope'
  | 'time or null'
  | 'time'
  | 'metadata'
  | 'boolean'
  | 'limits or null'
  | 'networks or null'
  | 'seconds'
  | 'version'
  | 'slots'
  | 'state'
  | 'sort'
  | 'limit'
  | 'cursor'
  | 'secondary'
  | 'secret'

/** A management operation: who may call it, with what, and how it can fail. */
export interface Operation {
  readonly right: Right
  /** Whether the operation takes the id of a key. */
  readonly ofKey: boolean
  /** The members of its input, or of its options. */
  readonly input: Readonly<Record<string, InputType>>
  /** The members that must be given. */
  readonly required?: readonly string[]
  /**
   * The errors besides `invalid_input`, `not_permitted`, `store_unavailable` and `store_malformed`,
   * and `outcome_unknown` for operations that write.
   */
  readonly errors: readonly ErrorCode[]
}

const CHANGE = { actor: 'name', expectedVersion: 'version' } as const
const ATTRIBUTES = {
  name: 'name',
  scope: 'scope',
  expiresAt: 'time or null',
  metadata: 'metadata',
  tokens: 'boolean',
  limits: 'limits or null',
  networks: 'networks or null',
} as const
const NEW = { ...ATTRIBUTES, owner: 'name or null', actor: 'name' } as const
const FOUND = ['key_not_found', 'version_conflict'] as const
const LIVE = [...FOUND, 'key_revoked'] as const
const GRANTED = [...LIVE, 'not_grantable'] as const

/**
 * Every operation of a keyring. The checks of inputs and rights, the routes of the management API
 * and the options of the command line derive from this table.
 */
export const OPERATIONS = {
  create: {
    right: 'create',
    ofKey: false,
    input: { ...NEW, secondary: 'boolean' },
    required: ['name', 'scope'],
    errors: ['not_grantable', 'name_taken', 'key_limit_reached'],
  },
  createOnce: {
    right: 'create',
    ofKey: false,
    input: { ...NEW, secondary: 'boolean' },
    required: ['name', 'scope'],
    errors: ['not_grantable', 'name_taken', 'key_limit_reached', 'idempotency_conflict'],
  },
  import: {
    right: 'create',
    ofKey: false,
    input: { ...NEW, primary: 'secret', secondary: 'secret' },
    required: ['name', 'scope', 'primary'],
    errors: [
      'not_grantable',
      'name_taken',
      'key_limit_reached',
      'secret_taken',
      'version_conflict',
    ],
  },
  get: { right: 'read', ofKey: true, input: {}, errors: [] },
  usage: {
    right: 'read',
    ofKey: true,
    input: {},
    errors: ['key_not_found', 'limiter_unavailable'],
  },
  list: {
    right: 'read',
    ofKey: false,
    input: {
      tenant: 'name',
      owner: 'name or null',
      state: 'state',
      name: 'name',
      hint: 'text',
      pepper: 'name or null',
      expiresBefore: 'time',
      unusedSince: 'time',
      sort: 'sort',
      limit: 'limit',
      cursor: 'cursor',
    },
    errors: [],
  },
  history: {
    right: 'read',
    ofKey: false,
    input: {
      keyId: 'text',
      owner: 'name or null',
      tenant: 'name',
      limit: 'limit',
      cursor: 'cursor',
      after: 'cursor',
    },
    errors: [],
  },
  update: {
    right: 'update',
    ofKey: true,
    input: { ...ATTRIBUTES, ...CHANGE },
    errors: [...GRANTED, 'name_taken'],
  },
  enable: { right: 'enable', ofKey: true, input: CHANGE, errors: GRANTED },
  disable: { right: 'disable', ofKey: true, input: CHANGE, errors: LIVE },
  rotate: {
    right: 'renew',
    ofKey: true,
    input: { graceSeconds: 'seconds', replace: 'secondary', ...CHANGE },
    errors: [...GRANTED, 'secondary_live'],
  },
  renew: {
    right: 'renew',
    ofKey: true,
    input: { slots: 'slots', ...CHANGE },
    required: ['slots'],
    errors: GRANTED,
  },
  endSecondary: { right: 'renew', ofKey: true, input: CHANGE, errors: LIVE },
  revoke: { right: 'revoke', ofKey: true, input: CHANGE, errors: FOUND },
  revokeAll: {
    right: 'revoke',
    ofKey: false,
    input: { owner: 'name', tenant: 'name', actor: 'name' },
    errors: ['version_conflict'],
  },
  delete: { right: 'delete', ofKey: true, input: CHANGE, errors: FOUND },
} as const satisfies Record<string, Operation>

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS

/** The members of the input of an operation. */
export function membersOf(operation: OperationName): string[] {
  return Object.keys(OPERATIONS[operation].input)
}

/** Every right, in the order in which people read them. */
export const RIGHTS: readonly Right[] = [
  'read',
  'create',
  'update',
  'renew',
  'disable',
  'enable',
  'revoke',
  'delete',
]
