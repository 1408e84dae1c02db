import type { Credential } from '../core/decision/route-requirement.ts'
import { REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { readWhole } from '../http/credential.ts'
import {
  headersOf,
  jsonAnswer,
  type Profile,
  STATUSES,
  shownCode,
  type WireAnswer,
} from '../http/profile.ts'
import { readHeader, type WireRequest } from '../http/request.ts'
import { standard } from './standard.ts'

const KEY_HEADER = 'x-boomi-flow-api-key'
const TENANT_HEADER = 'manywhotenant'

// The vendor does not distinguish malformed credentials from wrong ones.
const STATUS = { ...STATUSES, credential_malformed: 401 }

/**
 * Creates the profile of Boomi Flow: the bare secret in `x-boomi-flow-api-key`, the tenant in
 * `manywhotenant`.
 *
 * Tenant ids are opaque. Without the tenant header, the tenant is that of the key if the key
 * reaches exactly one tenant. The profile never reads the query or `Authorization`. The vendor
 * documents no body for refusals. This profile writes `{ "code", "message" }`.
 *
 * @returns The profile, for the `profile` of a guard.
 * @see https://help.boomi.com, "Using API keys" of Flow
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { requireAuth } from 'twinkey/express'
 * import { boomiFlow } from 'twinkey/profiles'
 *
 * const app = express()
 * const guard = requireAuth(createTwinkey(), { profile: boomiFlow() })
 * app.get('/api/draw/1/flow', guard, (req, res) => {
 *   res.json([{ tenant: req.principal.tenant }])
 * })
 * ```
 */
export function boomiFlow(): Profile {
  return {
    ...standard(),
    name: 'boomi-flow',
    clientCredentials: false,
    securitySchemes: {
      apiKey: { type: 'apiKey', in: 'header', name: KEY_HEADER, description: 'An API key.' },
      tenant: {
        type: 'apiKey',
        in: 'header',
        name: TENANT_HEADER,
        description: 'The tenant. Default: that of a key for exactly one.',
      },
    },
    security: [['apiKey', 'tenant'], ['apiKey']],
    credential,
    target: { tenant: (request) => readHeader(request, TENANT_HEADER) },
    refuse,
  }
}

function credential(request: WireRequest): Credential | Refusal {
  return readWhole(request.header(KEY_HEADER), false) ?? REFUSALS.credentialMissing
}

function refuse(refusal: Refusal): WireAnswer {
  const status = STATUS[refusal.code]
  // RFC 9110, section 15.5.2, requires a challenge. No scheme is registered for a key in its own
  // header.
  const challenge = status === 401 ? { 'www-authenticate': 'ApiKey realm="api"' } : {}
  return jsonAnswer(
    status,
    { code: shownCode(refusal), message: refusal.detail },
    { ...challenge, ...headersOf(refusal) },
  )
}
