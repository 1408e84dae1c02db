// The keys that every side verifies. They are computed from their number, so that all processes
// have the same keys without storing them.
import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const WORKFLOW = 'customers.read'
export const PATH = '/tenants/:tenant/customers'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CREATED_AT = 1_760_000_000_000

/** The id of a key. */
export function idOf(number) {
  return hash('sha256', `key ${number}`).slice(0, 16)
}

/** The only tenant of a key. Several keys share one. */
export function tenantOf(id) {
  return `tenant-${id.slice(0, 2)}`
}

/** The secret in a slot of a key. */
export function secretOf(id, slot = 'primary') {
  const body = `tk_${id}${hash('sha512', `${id} ${slot}`).slice(0, 43)}`
  let rest = crc32(body)
  let checksum = ''
  for (let i = 0; i < 6; i++) {
    checksum = BASE62[rest % 62] + checksum
    rest = Math.floor(rest / 62)
  }
  return body + checksum
}

/** A key as a store returns it, with new strings, as from a database. */
export function recordOf(id, tenant = tenantOf(id)) {
  const slot = (name) => ({
    id: hash('sha256', `${id} ${name}`).slice(0, 16),
    digest: `sha-256:${hash('sha256', secretOf(id, name), 'base64url')}`,
    hint: secretOf(id, name).slice(-4),
    createdAt: CREATED_AT,
    expiresAt: null,
  })
  const record = {
    kind: 'key',
    id,
    version: 1,
    name: `key ${id}`,
    owner: null,
    metadata: {},
    scope: { tenants: [tenant], environments: '*', workflows: [WORKFLOW] },
    enabled: true,
    createdAt: CREATED_AT,
    updatedAt: CREATED_AT,
    expiresAt: null,
    revokedAt: null,
    primary: slot('primary'),
    secondary: slot('secondary'),
    lastUsedAt: {},
  }
  return JSON.parse(JSON.stringify(record))
}

/** A store that creates each record when it is read. */
export function syntheticStore() {
  return {
    get: async (id) => recordOf(id),
    put: async () => 'conflict',
    delete: async () => 'conflict',
    list: async () => ({ keys: [] }),
    recordUse: async () => {},
    history: async () => ({ entries: [] }),
    forgetHistory: async () => 0,
  }
}

/** The tenant and the credential of a request. */
export function credentialOf(id) {
  return { tenant: tenantOf(id), text: secretOf(id) }
}

/** The credentials of the first `count` keys. */
export function credentialsOf(count) {
  return Array.from({ length: count }, (_, number) => credentialOf(idOf(number)))
}

/** The numbers below `count` in the same pseudo-random order for all sides. */
export function shuffled(count, seed) {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  let state = seed + 1
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (i + 1))
    const kept = order[i]
    order[i] = order[other]
    order[other] = kept
  }
  return order
}

/** A string with its own memory, as a parser creates it, and not a view of another string. */
export function fresh(text) {
  return Buffer.from(text, 'latin1').latin1Slice()
}

/**
 * A request as Node's http module has parsed it, with new strings, and the parameters of its route.
 *
 * Its `headers` exist already, while Node creates them on first access.
 */
export function requestOf({ tenant, text }) {
  const authorization = fresh(`Bearer ${text}`)
  return {
    method: 'GET',
    url: `/tenants/${tenant}/customers`,
    rawHeaders: [
      'Host',
      '127.0.0.1',
      'Accept',
      '*/*',
      'User-Agent',
      'bench',
      'Authorization',
      authorization,
    ],
    headers: { host: '127.0.0.1', accept: '*/*', 'user-agent': 'bench', authorization },
    params: { tenant: fresh(tenant) },
  }
}
