// prefixed-api-key as in its README: the short token finds the key, and the long token is compared
// with the stored digest.
import { checkAPIKey, extractShortToken, generateAPIKey } from 'prefixed-api-key'
import { idOf, recordOf } from '../keys.mjs'

/** It creates its own keys, with the same scopes. */
export async function createPrefixedCheck(count) {
  const keys = new Map()
  const credentials = []
  for (let number = 0; number < count; number++) {
    const { id, enabled, expiresAt, scope } = recordOf(idOf(number))
    const { shortToken, longTokenHash, token } = await generateAPIKey({ keyPrefix: 'tk' })
    keys.set(shortToken, { id, enabled, expiresAt, scope, longTokenHash })
    credentials.push({ tenant: scope.tenants[0], text: token })
  }
  return {
    credentials,
    check(authorization, tenant, workflow) {
      if (!authorization?.startsWith('Bearer ')) return undefined
      const token = authorization.slice('Bearer '.length)
      const key = keys.get(extractShortToken(token))
      if (key === undefined || !checkAPIKey(token, key.longTokenHash)) return undefined
      if (!key.enabled || (key.expiresAt !== null && Date.now() >= key.expiresAt)) return undefined
      return key.scope.tenants.includes(tenant) && key.scope.workflows.includes(workflow)
        ? key
        : undefined
    },
  }
}
