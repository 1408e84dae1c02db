import type { Credential } from '../core/decision/route-requirement.ts'
import { REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { readWhole } from '../http/credential.ts'
import { headersOf, jsonAnswer, type Profile, STATUSES, type WireAnswer } from '../http/profile.ts'
import { readHeader, type WireRequest } from '../http/request.ts'
import { standard } from './standard.ts'

const KEY_HEADER = 'x-boomi-flow-api-key'
const TENANT_HEADER = 'manywhotenant'

// Neither SDK nor document tells a field that cannot be read from one that is wrong.
const STATUS = { ...STATUSES, credential_malformed: 401 }

/**
 * The wire convention of Boomi Flow: the secret bare in `x-boomi-flow-api-key`, the tenant in
 * `manywhotenant`.
 *
 * Tenant ids are opaque. Without the tenant header the tenant is the key's own, where that is
 * exactly one. The query and `Authorization` are never read. The vendor does not document how a
 * refusal looks: here it is `{ "code", "message" }`.
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
 * app.get('/api/draw/1/flow', requireAuth(createTwinkey(), { profile: boomiFlow() }), (req, res) => {
 *   res.json([{ tenant: req.principal.tenant }])
 * })
 * ```
 */
export function boomiFlow(): Profile {
  return {
    ...standard(),
    name: 'boomi-flow',
    securitySchemes: {
      apiKey: { type: 'apiKey', in: 'header', name: KEY_HEADER, description: 'An API key.' },
    },
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
  // RFC 9110, section 15.5.2: a 401 names a way in. There is no registered scheme for a key in a
  // header of its own.
  const challenge = status === 401 ? { 'www-authenticate': 'ApiKey realm="api"' } : {}
  return jsonAnswer(
    status,
    { code: refusal.code, message: refusal.detail },
    { ...challenge, ...headersOf(refusal) },
  )
}
