import type { Credential } from '../core/decision/route-requirement.ts'
import { isRefusal, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { readBearer, readWhole } from '../http/credential.ts'
import { headersOf, jsonAnswer, type Profile, type WireAnswer } from '../http/profile.ts'
import { readQuery, type WireRequest } from '../http/request.ts'
import { standard } from './standard.ts'

const KEY_NAME = 'auth-key'
const ENVIRONMENT_NAME = '_profile'
const DEFAULT_ENVIRONMENT = 'Production'

/**
 * The wire convention of Flowgear: the secret as `Authorization: Key=<secret>` or `Bearer
 * <secret>`, or in the query as `auth-key`; the environment in the query as `_profile`, or else
 * Production.
 *
 * A secret in the query is logged by whatever stands in between: Flowgear itself advises against
 * it. Handlers do not see it, and `redactUrl` keeps it out of logs. The same secret in header and
 * query is one credential, two different ones are refused. Environments are told apart without
 * regard to case. Every refusal is a 404 with `{"Message": "Not Found"}`, except 429 and 503.
 * `principal.username` is `Key: <name>`.
 *
 * @returns The profile, for the `profile` of a guard. Give the route its workflow by name, or by
 *   method and template with `routeTemplate()`.
 * @see https://help.flowgear.net, "Token Authentication"
 */
export function flowgear(): Profile {
  return {
    ...standard(),
    name: 'flowgear',
    securitySchemes: {
      authorization: {
        type: 'apiKey',
        in: 'header',
        name: 'Authorization',
        description: 'Key=, followed by an API key.',
      },
      query: {
        type: 'apiKey',
        in: 'query',
        name: KEY_NAME,
        description: 'An API key. Not recommended: URLs are logged.',
      },
    },
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
  // In two places, but one credential: a client of the vendor sends it so. Not
  // inAuthorizationHeader, because it stands in the URL too.
  return inHeader.text === inQuery.text ? inQuery : REFUSALS.credentialAmbiguous
}

function readKey(field: string | undefined): Credential | Refusal | undefined {
  if (field === undefined || !/(?:^|,\s*)key=/i.test(field)) return undefined
  return field.includes(',')
    ? REFUSALS.credentialAmbiguous
    : (readWhole(field.slice('Key='.length), true) as Credential | Refusal)
}

function readQueryKey(url: string): Credential | Refusal | undefined {
  // Handlers never see one in a fragment, so it harms nobody there.
  const text = readQuery(url.split('#', 1)[0] as string, KEY_NAME)
  if (isRefusal(text) && text.code === 'target_conflict') return REFUSALS.credentialAmbiguous
  // Beside the name of a user it is an error (RFC 9110, section 4.2.4): not every host could take
  // it out again and keep the rest of the request.
  const beside = text !== undefined && /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(url)
  return beside || isRefusal(text) ? REFUSALS.credentialMalformed : readWhole(text, false)
}

function refuse(refusal: Refusal): WireAnswer {
  const { code, detail } = refusal
  if (code === 'rate_limited' || code === 'unavailable')
    return jsonAnswer(code === 'unavailable' ? 503 : 429, { Message: detail }, headersOf(refusal))
  return jsonAnswer(404, { Message: 'Not Found' })
}
