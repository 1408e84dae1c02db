import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { CreatedKey, CreateKeyInput, KeyPolicy, Twinkey } from 'twinkey'
import { managementEndpoints } from 'twinkey/management'
import { mount } from 'twinkey/web'
import { expect } from 'vitest'
import { openApiDocument } from '../../../src/endpoints/management/openapi.ts'
import { type Host, sendTo } from '../../http/hosts.ts'
import { type Bench, createBench } from '../../support/bench.ts'

export const SCOPE = { tenants: ['acme'], environments: ['test'], workflows: ['read'] }
export const GRANTABLE = { tenants: ['acme'], environments: ['test'], workflows: ['read', 'write'] }
const LOGIN = new Response(null, { status: 302, headers: { location: '/login' } })

/** Who makes a request, by its cookie. The request is that of any framework. */
export function userOf(request: unknown): string | undefined {
  const { headers, req } = request as {
    headers?: { get?(name: string): string | null; cookie?: string }
    req?: { header(name: string): string | undefined }
  }
  const cookie = req?.header('cookie') ?? headers?.get?.('cookie') ?? headers?.cookie
  return cookie?.split('=')[1]
}

function authorize(request: unknown) {
  const user = userOf(request)
  if (user === undefined) return undefined
  if (user === 'ended') return LOGIN
  if (user === 'operator') return { actor: 'operator' }
  if (user === 'reader') return { actor: 'reader', can: ['read'] as const }
  if (user === 'tenant') return { actor: 'tenant', tenants: ['acme'], grantable: GRANTABLE }
  return { actor: user, owner: user, grantable: GRANTABLE }
}

/** A management API on a Twinkey with environments. */
export function createManagement(policy?: KeyPolicy, more: Parameters<typeof createBench>[0] = {}) {
  const bench = createBench({ environments: ['test', 'production'], ...more })
  const options = { authorize, ...(policy && { policy }) }
  return { ...bench, endpoints: managementEndpoints(bench.twinkey, options) }
}

/** A request of the API, before it is written for a host. */
export interface ApiRequest {
  readonly method?: string
  readonly path: string
  readonly user?: string | undefined
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown
  /** Undefined removes a header that is sent otherwise. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly json: any
}

/** Sends requests. */
export type Send = (request: ApiRequest) => Promise<ApiAnswer>

function written({ method = 'GET', user, body, headers = {} }: ApiRequest) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const all = {
    cookie: user === undefined ? undefined : `user=${user}`,
    'x-twinkey': '1',
    'content-type': method === 'GET' ? undefined : 'application/json',
    ...headers,
  }
  const given = Object.entries(all).filter(
    (each): each is [string, string] => each[1] !== undefined,
  )
  return { method, headers: given, body: text }
}

/** Sends over a socket, and checks every answer against the OpenAPI document. */
export function over(host: Host, prefix: string): Send {
  return async (request) => {
    const { method, headers, body } = written(request)
    const length = Buffer.byteLength(body ?? '')
    const answer = await sendTo(host, {
      method,
      target: prefix + request.path,
      headers: [
        ...headers,
        ...(body === undefined ? [] : [['Content-Length', `${length}`] as const]),
      ],
      body,
    })
    const isJson = answer.body !== '' && /json/.test(answer.headers['content-type'] ?? '')
    const json = isJson ? JSON.parse(answer.body) : undefined
    checkAnswer(method, request.path, answer.status, json)
    return { status: answer.status, headers: answer.headers, text: answer.body, json }
  }
}

/** Sends without a socket. */
export function inProcess({
  endpoints,
}: Pick<ReturnType<typeof createManagement>, 'endpoints'>): Send {
  const handle = mount(endpoints)
  return async (request) => {
    const { method, headers, body } = written(request)
    const sent = new Request(`http://localhost${request.path}`, {
      method,
      headers,
      body: body ?? null,
    })
    const response = (await handle(sent)) ?? new Response('no route', { status: 404 })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const json = isJson ? JSON.parse(text) : undefined
    checkAnswer(method, request.path, response.status, json)
    return { status: response.status, headers: Object.fromEntries(response.headers), text, json }
  }
}

const DOCUMENT = openApiDocument() as {
  paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>
}
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema(DOCUMENT, 'api')

/** Whether the document is one of OpenAPI 3.1. */
export async function documentErrors(): Promise<unknown> {
  const { valid, errors } = await new Validator().validate(structuredClone(DOCUMENT))
  return valid ? [] : errors
}

function checkAnswer(method: string, path: string, status: number, json: unknown): void {
  const [plain = ''] = path.split('?')
  const template = Object.keys(DOCUMENT.paths).find((each) =>
    new RegExp(`^${each.replace('{id}', '[^/]+')}/?$`).test(plain),
  )
  // Routing answers for itself.
  if (template === undefined || status === 405) return
  const escaped = template.replaceAll('~', '~0').replaceAll('/', '~1')
  const operation = DOCUMENT.paths[template]?.[method.toLowerCase()]
  const documented = operation?.responses[status]
  expect(documented, `${method} ${template} does not document ${status}`).toBeDefined()
  const [type] = Object.keys(documented?.content ?? {})
  if (type === undefined) {
    expect(json).toBeUndefined()
    return
  }
  const where = ['paths', escaped, method.toLowerCase(), 'responses', String(status), 'content']
  const pointer = `api#/${[...where, type.replaceAll('/', '~1'), 'schema'].map(encodeURIComponent).join('/')}`
  const validate = ajv.getSchema(pointer) ?? ajv.compile({ $ref: pointer })
  expect(validate(json), JSON.stringify([path, json, validate.errors])).toBe(true)
}

/** Creates a key for an owner, without the API. */
export function keyOf(
  { twinkey }: Pick<Bench, 'twinkey'> | { readonly twinkey: Twinkey },
  owner: string,
  more: Partial<CreateKeyInput> = {},
): Promise<CreatedKey> {
  return twinkey.keys.create({ name: 'report', owner, scope: SCOPE, ...more })
}
