import { OPERATIONS } from '../../core/model/operations.ts'
import { type ManagementCode, STATUSES } from './answers.ts'
import { type ManagementRoute, ROUTES } from './routes.ts'
import { inputSchemas, SCHEMAS, type Schema } from './schemas.ts'

const ALWAYS: readonly ManagementCode[] = [
  'invalid_input',
  'session_expired',
  'forged_request',
  'not_found',
  'store_unavailable',
]
const FROM_BROWSER = {
  name: 'X-Twinkey',
  in: 'header',
  description: '`1`. Shows that no page of another site made the request.',
  schema: { const: '1' },
}

/**
 * Describes the management API.
 *
 * @returns An OpenAPI document for the mount point: its server is the place of the document.
 * @see OpenAPI 3.1
 */
export function openApiDocument(): Schema {
  const paths: Record<string, Record<string, Schema>> = {}
  for (const route of ROUTES) {
    const path = route.path.replace(':id', '{id}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'API keys', version: '1' },
    servers: [{ url: '.' }],
    paths: {
      ...paths,
      '/session': { get: reading('session', 'Who the caller is, and what it may do.', 'Session') },
      '/openapi.json': { get: reading('openapi', 'This document.', 'Document') },
    },
    components: { schemas: SCHEMAS },
  }
}

function operationOf(route: ManagementRoute): Schema {
  const { method, path, operation, summary, answer, status, input, from } = route
  const { ofKey, errors } = OPERATIONS[operation]
  const isUnsafe = method !== 'GET'
  const isCreation = operation === 'createOnce'
  const codes: ManagementCode[] = [...ALWAYS, 'not_permitted', ...errors]
  if (path.includes(':id')) codes.push('key_not_found')
  if (from === 'query') codes.push('secret_not_accepted')
  if (isUnsafe) codes.push('unsupported_media_type', 'outcome_unknown')
  const success = answerOf(answer, ofKey && answer === 'Key')
  return {
    operationId: path === '/history' ? 'allHistory' : operation,
    summary,
    parameters: [
      ...(isUnsafe ? [{ ...FROM_BROWSER, required: true }] : [FROM_BROWSER]),
      ...(path.includes(':id')
        ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }]
        : []),
      ...(isCreation ? [headerOf('Idempotency-Key', 'Makes a repeated request safe.')] : []),
      ...(isUnsafe && ofKey ? [headerOf('If-Match', 'The ETag of the key. Default: any.')] : []),
      ...(from === 'query' ? queryOf(route) : []),
    ],
    ...(from === 'body' && {
      requestBody: {
        required: route.required.length > 0,
        content: { 'application/json': { schema: bodyOf(route) } },
      },
    }),
    responses: withProblems(
      { [status]: success, ...(isCreation && { 200: answerOf('RepeatedKey', false) }) },
      codes,
      isUnsafe && ofKey,
    ),
  }
  function bodyOf({ required }: ManagementRoute): Schema {
    return {
      type: 'object',
      required,
      properties: inputSchemas(input),
      additionalProperties: false,
    }
  }
}

function queryOf({ input }: ManagementRoute): readonly Schema[] {
  return Object.entries(inputSchemas(input)).map(([name, schema]) => ({
    name,
    in: 'query',
    schema,
  }))
}

function headerOf(name: string, description: string): Schema {
  return { name, in: 'header', description, schema: { type: 'string' } }
}

function reading(operationId: string, summary: string, answer: keyof typeof SCHEMAS): Schema {
  return {
    operationId,
    summary,
    parameters: [FROM_BROWSER],
    responses: withProblems({ 200: answerOf(answer, false) }, ALWAYS),
  }
}

function answerOf(answer: keyof typeof SCHEMAS | undefined, hasTag: boolean): Schema {
  return {
    description: answer === undefined ? 'Done.' : 'OK',
    ...(hasTag && { headers: { ETag: { schema: { type: 'string' } } } }),
    ...(answer && {
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${answer}` } } },
    }),
  }
}

// One answer for each status, with the codes that it can have.
function withProblems(
  answers: Readonly<Record<string, Schema>>,
  codes: readonly ManagementCode[],
  hasVersion = false,
): Schema {
  const byStatus = new Map<number, string[]>()
  for (const code of codes) {
    const status = STATUSES[code as keyof typeof STATUSES]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  if (hasVersion) byStatus.set(412, ['version_conflict'])
  const problems = [...byStatus].map(([status, each]) => [
    status,
    {
      description: each.join(', '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ])
  return { ...answers, ...Object.fromEntries(problems) }
}
