import type { Credential } from '../core/decision/route-requirement.ts'
import { isRefusal, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { readBearer, readWhole } from '../http/credential.ts'
import { headersOf, jsonAnswer, type Profile, STATUSES, type WireAnswer } from '../http/profile.ts'
import { readQuery, type WireRequest } from '../http/request.ts'
import { standard } from './standard.ts'

const KEY_NAME = 'auth-key'
const ENVIRONMENT_NAME = '_profile'
const DEFAULT_ENVIRONMENT = 'Production'

/**
 * Creates the profile of Flowgear: the secret as `Authorization: Key=<secret>` or `Bearer
 * <secret>`, or in the query as `auth-key`. The environment is in the query as `_profile`. Its
 * default is Production.
 *
 * Proxies and servers log a secret in the query, so Flowgear itself advises against it. The guard
 * removes it before handlers run, and `redactUrl` keeps it out of logs. The same secret in header
 * and query counts as one credential. Two different secrets are refused. Environment names ignore
 * case. Every refusal is a 404 with `{"Message": "Not Found"}`, except 429 and 503.
 * `principal.username` is `Key: <name>`.
 *
 * @returns The profile, for the `profile` of a guard. Name the workflow of the route yourself, or
 *   use `from.routeTemplate()` for method and template.
 * @see https://help.flowgear.net, "Token Authentication"
 */
export function flowgear(): Profile {
  return {
    ...standard(),
    name: 'flowgear',
    clientCredentials: false,
    securitySchemes: {
      authorization: {
        type: 'apiKey',
        in: 'header',
        name: 'Authorization',
        description: 'Key=, followed by an API key.',
      },
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'An API key, or a token that it was exchanged for.',
      },
      query: {
        type: 'apiKey',
        in: 'query',
        name: KEY_NAME,
        description: 'An API key. Not recommended: URLs are logged.',
      },
    },
    secretHeader: { name: 'Authorization', value: 'Key={secret}' },
    secretQuery: [KEY_NAME],
    credential,
    target: {
      environment: (request) => readQuery(request.url, ENVIRONMENT_NAME) ?? DEFAULT_ENVIRONMENT,
    },
    caseInsensitive: ['environment'],
    username: (name) => `Key: ${name}`,
    refuse,
  }
}

function credential(request: WireRequest): Credential | Refusal {
  const field = request.header('authorization')
  const inHeader = readKey(field) ?? readBearer(field, 'either')
  const inQuery = readQueryKey(request.receivedUrl ?? request.url)
  if (inHeader === undefined || inQuery === undefined)
    return inHeader ?? inQuery ?? REFUSALS.credentialMissing
  if (isRefusal(inHeader) || isRefusal(inQuery)) return REFUSALS.credentialAmbiguous
  // A client of the vendor sends the same secret twice. The answer needs no-store, because the
  // secret is also in the URL: hence `inQuery`, which lacks `inAuthorizationHeader`.
  return inHeader.text === inQuery.text ? inQuery : REFUSALS.credentialAmbiguous
}

function readKey(field: string | undefined): Credential | Refusal | undefined {
  if (field === undefined || !/(?:^|,\s*)key=/i.test(field)) return undefined
  return field.includes(',')
    ? REFUSALS.credentialAmbiguous
    : (readWhole(field.slice('Key='.length), true) as Credential | Refusal)
}

function readQueryKey(url: string): Credential | Refusal | undefined {
  // A key in the fragment is ignored. Handlers never see it.
  const text = readQuery(url.split('#', 1)[0] as string, KEY_NAME)
  if (isRefusal(text) && text.code === 'target_conflict') return REFUSALS.credentialAmbiguous
  // A URL with user information is an error (RFC 9110, section 4.2.4). Not every host could remove
  // the key from it and keep the rest of the request.
  const beside = text !== undefined && /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(url)
  return beside || isRefusal(text) ? REFUSALS.credentialMalformed : readWhole(text, false)
}

function refuse(refusal: Refusal): WireAnswer {
  const { code, detail } = refusal
  if (code === 'rate_limited' || code === 'quota_exceeded' || code === 'unavailable')
    return jsonAnswer(STATUSES[code], { Message: detail }, headersOf(refusal))
  return jsonAnswer(404, { Message: 'Not Found' })
}
