import { denied, quotaExceeded, rateLimited } from '../core/model/own-refusals.ts'
import {
  axisDenied,
  REFUSALS,
  type Refusal,
  targetConflict,
  targetMissing,
} from '../core/model/refusal.ts'
import { AXES } from '../core/model/scope.ts'
import {
  type CheckedRequirement,
  checkedRequirement,
  type Requirement,
} from '../guard/requirement.ts'
import { shownCode, type WireAnswer } from '../http/profile.ts'
import { type BodySchema, type Sample, schemaOf } from './body-schema.ts'

/** A header of a refusal. */
export type RefusalHeader = {
  description: string
  required: boolean
  schema: { type: 'string' | 'integer' }
}

/** The refusals of one status, as a Response Object. */
export type RefusalResponse<Media extends string = string> = {
  description: string
  headers: Record<string, RefusalHeader>
  content: Record<Media, { schema: BodySchema }>
}

/** The refusals of one status, as the schema of a Fastify response. */
export type FastifyRefusalResponse = {
  description: string
  headers: Record<string, { type: 'string' | 'integer'; description: string }>
  content: Record<string, { schema: BodySchema }>
}

/** The statuses of refusals in the standard profile. */
export type RefusalStatus = 400 | 401 | 403 | 429 | 503

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The credential, its target or the request cannot be read.',
  401: 'The credential is missing or not valid.',
  403: 'The credential is valid, but does not reach this.',
  429: 'Too many requests.',
  503: 'This cannot be decided at the moment.',
}
const CHALLENGE = ['WWW-Authenticate', 'string', 'How to authenticate.'] as const
const WAIT = ['Retry-After', 'integer', 'Seconds to wait before a retry.'] as const
const LIMITS = [
  ['RateLimit-Policy', 'string', 'The limits of the key, if it has any.'],
  ['RateLimit', 'string', 'What is left of the limits of the key.'],
] as const

interface Written extends Sample {
  readonly refusal: Refusal
  readonly media: string
  readonly headers: WireAnswer['headers']
}

/**
 * Describes the refusals of a route: a Response Object for each status, with its headers and the
 * schema of its body. They are those that the profile of the route writes. Does not describe the
 * answers of your handler, and not those of the token endpoints.
 *
 * @param requirement What is given to `requireAuth`. With `authorize`, the codes of the status of
 *   `denied` are not enumerated, because the application chooses them.
 * @returns New objects by status, which you may change.
 * @throws TypeError if the requirement is not valid.
 * @see OpenAPI 3.1, section 4.8.17; RFC 9457
 * @example
 * ```ts
 * import { responses } from 'twinkey/openapi'
 *
 * const operation = {
 *   responses: {
 *     200: { description: 'The customers.' },
 *     ...responses({ workflow: 'customers.read' }),
 *   },
 * }
 * console.log(Object.keys(operation.responses)) // 200, 400, 401, 403, 429 and 503
 * ```
 */
export function responses(
  requirement?: Requirement & { readonly profile?: undefined },
): Record<RefusalStatus, RefusalResponse<'application/problem+json'>>
export function responses(requirement: Requirement): Record<number, RefusalResponse>
export function responses(requirement: Requirement = {}): Record<number, RefusalResponse> {
  const byStatus = new Map<number, Written[]>()
  for (const each of writtenFor(checkedRequirement(requirement)))
    byStatus.set(each.status, [...(byStatus.get(each.status) ?? []), each])
  return Object.fromEntries(
    [...byStatus].map(([status, written]) => [status, responseOf(status, written)]),
  )
}

/**
 * Describes the refusals of a route like {@link responses}, in the form that `schema.response` of a
 * Fastify route takes and that `@fastify/swagger` reads: there, a header is a schema.
 *
 * @param requirement What is given to `requireAuth`.
 * @returns New objects by status, which you may change.
 * @throws TypeError if the requirement is not valid.
 */
export function fastifyResponses(
  requirement: Requirement = {},
): Record<number, FastifyRefusalResponse> {
  return Object.fromEntries(
    Object.entries(responses(requirement)).map(([status, response]) => [
      status,
      {
        ...response,
        headers: Object.fromEntries(
          Object.entries(response.headers).map(([name, { description, schema }]) => [
            name,
            { ...schema, description },
          ]),
        ),
      },
    ]),
  )
}

/**
 * Describes the body of every refusal of a route, to put under `components.schemas`.
 *
 * @param requirement What is given to `requireAuth`. Default: none, so `code` lists every code that
 *   a guard of this package writes.
 * @returns A new object: a schema that is valid in OpenAPI 3.0 and 3.1.
 * @throws TypeError if the requirement is not valid.
 * @see RFC 9457
 */
export function refusalSchema(requirement: Requirement = {}): BodySchema {
  const checked = checkedRequirement(requirement)
  return schemaOf(writtenFor(checked), checked.authorize !== undefined)
}

/** Everything that a guard with this requirement can refuse. */
function refusalsOf({ optional, anyTarget, authorize }: CheckedRequirement): readonly Refusal[] {
  return [
    ...(optional ? [] : [REFUSALS.credentialMissing]),
    REFUSALS.credentialInvalid,
    REFUSALS.credentialMalformed,
    REFUSALS.credentialAmbiguous,
    REFUSALS.requestMalformed,
    ...(anyTarget
      ? []
      : AXES.flatMap(([axis]) => [targetMissing(axis), targetConflict(axis), axisDenied(axis)])),
    REFUSALS.networkDenied,
    ...(authorize === undefined ? [] : [denied('denied', 'The application does not allow this.')]),
    rateLimited(1),
    quotaExceeded(1),
    REFUSALS.unavailable,
  ]
}

function writtenFor(requirement: CheckedRequirement): readonly Written[] {
  const { reader, workflow } = requirement
  return refusalsOf(requirement).map((refusal) => {
    const { status, headers, body } = reader.refuse(refusal, workflow)
    const type = String(headers['content-type'] ?? '')
      .split(';')[0]
      ?.trim()
    const media = type || 'application/json'
    return { refusal, code: shownCode(refusal), status, media, headers, value: parsedBody(body) }
  })
}

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}

function responseOf(status: number, written: readonly Written[]): RefusalResponse {
  const isOpen = written.some(({ refusal }) => refusal.code === 'denied')
  const isCounted = isOpen || written.some(({ refusal }) => refusal.code === 'quota_exceeded')
  const media = [...new Set(written.map((each) => each.media))]
  const headers = [CHALLENGE, WAIT].flatMap(([name, type, description]) => {
    const having = written.filter((each) => name.toLowerCase() in each.headers)
    const required = having.length === written.length
    return having.length === 0 ? [] : [[name, { description, required, schema: { type } }] as const]
  })
  const limits = LIMITS.map(
    ([name, type, description]) =>
      [name, { description, required: false, schema: { type } }] as const,
  )
  return {
    description: DESCRIPTIONS[status] ?? 'The request is refused.',
    headers: Object.fromEntries([...headers, ...(isCounted ? limits : [])]),
    content: Object.fromEntries(
      media.map((name) => [
        name,
        {
          schema: schemaOf(
            written.filter((each) => each.media === name),
            isOpen,
          ),
        },
      ]),
    ),
  }
}
