import { RIGHTS } from '../../core/model/operations.ts'
import { STATUSES } from './answers.ts'
import type { InputTypes } from './input.ts'

/** A JSON Schema of draft 2020-12, as OpenAPI 3.1 uses it. */
export type Schema = Readonly<Record<string, unknown>>

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const text: Schema = { type: 'string' }
const name: Schema = { type: 'string', minLength: 1, maxLength: 128 }
const nameOrNull: Schema = { ...name, type: ['string', 'null'] }
const time: Schema = { type: 'integer', minimum: 0, description: 'Epoch milliseconds.' }
const timeOrNull: Schema = { ...time, type: ['integer', 'null'] }
const flag: Schema = { type: 'boolean' }
const secret: Schema = { type: 'string', description: 'Cannot be read back later.' }
const noSecret: Schema = { type: 'null' }
const secretOrNull: Schema = { ...secret, type: ['string', 'null'] }
const list = (items: Schema): Schema => ({ type: 'array', items })
const oneOf = (...values: readonly (string | number)[]): Schema => ({ enum: values })
const scopeValue: Schema = {
  anyOf: [{ const: '*' }, { type: 'array', items: name, maxItems: 64 }],
  description: 'All names, or exact names.',
}

// Every member is required unless its name ends with a question mark, and there are no others.
function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members)
  return {
    type: 'object',
    required: entries.map(([key]) => key).filter((key) => !key.endsWith('?')),
    properties: Object.fromEntries(entries.map(([key, each]) => [key.replace('?', ''), each])),
    additionalProperties: false,
  }
}

const limit = object({
  'name?': text,
  requests: { type: 'integer', minimum: 1 },
  'perSeconds?': { type: 'integer', minimum: 1 },
  'per?': oneOf('day', 'month'),
})
const limits: Schema = {
  anyOf: [{ type: 'null' }, list(limit)],
  description: 'Null for the limits of the deployment. Empty for no limit.',
}
const networks: Schema = {
  anyOf: [{ type: 'null' }, list(text)],
  description: 'In CIDR notation. Null for all.',
}
const scope = { tenants: scopeValue, environments: scopeValue, workflows: scopeValue }

/** The bodies of answers. */
export const SCHEMAS = {
  Scope: object(scope),
  Secret: object({
    id: text,
    hint: { ...text, description: 'The last characters of the secret: at most four.' },
    createdAt: time,
    expiresAt: timeOrNull,
    lastUsedAt: timeOrNull,
  }),
  Key: object({
    id: text,
    version: { type: 'integer', description: 'Changes with every change. Also the ETag.' },
    name,
    owner: nameOrNull,
    metadata: { type: 'object' },
    scope: ref('Scope'),
    state: oneOf('active', 'disabled', 'expired', 'revoked'),
    tokens: { ...flag, description: 'Whether the key may be exchanged for tokens.' },
    limits,
    networks,
    disabledBy: {
      anyOf: [
        { type: 'null' },
        object({
          actor: nameOrNull,
          owner: nameOrNull,
          tenants: { anyOf: [{ type: 'null' }, list(text)] },
          at: time,
        }),
      ],
    },
    createdAt: time,
    updatedAt: time,
    expiresAt: timeOrNull,
    revokedAt: timeOrNull,
    lastUsedAt: timeOrNull,
    primary: ref('Secret'),
    secondary: { anyOf: [{ type: 'null' }, ref('Secret')] },
  }),
  KeyList: object({
    keys: list(ref('Key')),
    'nextCursor?': { ...text, description: 'The `cursor` of the next page, if there is one.' },
  }),
  CreatedKey: object({ key: ref('Key'), primary: secret, secondary: secretOrNull }),
  RepeatedKey: object({
    key: ref('Key'),
    primary: noSecret,
    secondary: noSecret,
    code: { const: 'secret_not_shown_again' },
  }),
  RenewedKey: object({ key: ref('Key'), primary: secretOrNull, secondary: secretOrNull }),
  Usage: object({
    limits: list(
      object({
        limit,
        remaining: { type: 'integer', minimum: 0, description: 'Requests left in the window.' },
        resetsAt: { ...time, description: 'When the window ends, in epoch milliseconds.' },
      }),
    ),
  }),
  HistoryEntry: object({
    id: text,
    type: { type: 'string', pattern: '^key\\.' },
    at: time,
    keyId: text,
    version: { type: 'integer' },
    name,
    owner: nameOrNull,
    tenants: scopeValue,
    actor: nameOrNull,
    'slots?': list(oneOf('primary', 'secondary')),
    'changes?': {
      type: 'object',
      additionalProperties: { type: 'array', minItems: 2, maxItems: 2 },
      description: 'Each changed member, before and after.',
    },
    'source?': object({ 'requestId?': text, 'address?': text, 'userAgent?': text }),
    'requestDigest?': text,
  }),
  HistoryPage: object({ entries: list(ref('HistoryEntry')), 'nextCursor?': text }),
  Session: object({
    actor: name,
    owner: { ...nameOrNull, description: 'Null if the caller sees the keys of every owner.' },
    tenants: { anyOf: [{ type: 'null' }, list(name)] },
    grantable: ref('Scope'),
    environments: scopeValue,
    can: list(oneOf(...RIGHTS)),
    policy: object({
      'maxKeys?': { type: 'integer' },
      'defaultExpiresInSeconds?': { type: 'integer' },
      'maxExpiresInSeconds?': { type: 'integer' },
      'secrets?': oneOf(1, 2),
      'limits?': { ...list(limit), description: 'The limits of every new key.' },
      'networks?': { ...list(text), description: 'What the networks of a key must lie within.' },
    }),
    defaultLimits: { ...list(limit), description: 'The limits of keys whose limits are null.' },
    hasLimiter: { ...flag, description: 'Without one, no key can have limits.' },
    now: time,
  }),
  Document: { type: 'object' },
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: text,
      title: text,
      status: { type: 'integer' },
      detail: text,
      code: oneOf(
        ...Object.keys(STATUSES),
        'method_not_allowed',
        'request_malformed',
        'request_timeout',
      ),
      login: { ...text, description: 'With session_expired: where to sign in.' },
    },
  },
} as const satisfies Readonly<Record<string, Schema>>

/** The name of a schema. */
export type SchemaName = keyof typeof SCHEMAS

const INPUTS: Readonly<Record<InputTypes[string], Schema>> = {
  name,
  'name or null': nameOrNull,
  text,
  scope: {
    ...object(Object.fromEntries(Object.entries(scope).map(([axis, each]) => [`${axis}?`, each]))),
    description: 'What the key may reach. Lists must not be empty.',
  },
  time: timeInput('integer'),
  'time or null': timeInput('integer', 'null'),
  metadata: { type: 'object', description: 'At most 4 KiB and five levels.' },
  boolean: flag,
  'limits or null': limits,
  'networks or null': networks,
  seconds: { type: 'integer', minimum: 0 },
  version: { type: 'integer' },
  slots: oneOf('primary', 'secondary', 'both'),
  state: oneOf('active', 'disabled', 'expired', 'revoked'),
  sort: oneOf('newest', 'oldest'),
  limit: { type: 'integer', minimum: 1, maximum: 100 },
  cursor: text,
  secondary: { const: 'secondary' },
  secret: text,
}

function timeInput(...types: readonly string[]): Schema {
  return {
    anyOf: [{ type: types }, { type: 'string', format: 'date-time' }],
    description: 'Epoch milliseconds, or RFC 3339.',
  }
}

/** The schemas of the members of an input. */
export function inputSchemas(types: InputTypes): Readonly<Record<string, Schema>> {
  return Object.fromEntries(Object.entries(types).map(([member, type]) => [member, INPUTS[type]]))
}
