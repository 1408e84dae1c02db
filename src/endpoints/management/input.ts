import { membersProblem } from '../../core/model/checks.ts'
import { requireInput, TwinkeyError } from '../../core/model/error.ts'
import {
  type InputType,
  membersOf,
  OPERATIONS,
  type OperationName,
} from '../../core/model/operations.ts'
import { isRefusal } from '../../core/model/refusal.ts'
import { holdsSecret } from '../../core/secrets/secret.ts'
import { readJson } from '../../http/body.ts'
import type { WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import { decode } from '../../http/secret-query.ts'
import type { ReadBody } from '../endpoints.ts'
import { problem } from './answers.ts'

/** The input of an operation, as its keyring method takes it. The keyring checks the values. */
export type Input = Readonly<Record<string, unknown>>

// RFC 3339, section 5.6.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

// The caller's authority decides them, or a header does. Peppers are for the application alone.
const NEVER = ['actor', 'expectedVersion', 'pepper', 'keyId', 'after']

/** The members that a request may give for an operation, with their types. */
export function inputOf(operation: OperationName, without: readonly string[] = []) {
  const types = OPERATIONS[operation].input as Readonly<Record<string, InputType>>
  const names = membersOf(operation).filter(
    (name) => !NEVER.includes(name) && !without.includes(name),
  )
  return Object.fromEntries(names.map((name) => [name, types[name] as InputType]))
}

/** The members of an input with their types. */
export type InputTypes = ReturnType<typeof inputOf>

/**
 * Reads an input from the query. Numbers and times arrive as text, and an empty text is null.
 *
 * @returns An answer if the query holds a secret.
 */
export function readQueryInput(request: WireRequest, types: InputTypes): Input | WireAnswer {
  const input: Record<string, unknown> = {}
  for (const [name, text] of queryPairs(request.url)) {
    requireInput(Object.hasOwn(input, name) ? 'must be given once' : undefined, name)
    if (name !== 'cursor' && (holdsSecret(text) || holdsSecret(name))) return SECRET_IN_QUERY
    Object.defineProperty(input, name, { value: fromText(text, types[name]), enumerable: true })
  }
  requireInput(membersProblem(input, Object.keys(types)), 'The query')
  return input
}

// A query stands in logs and in the history of the browser.
const SECRET_IN_QUERY = problem(
  'secret_not_accepted',
  'The query holds a secret. Search by the id of the key: the 16 characters after the prefix. Renew a secret that was sent like this, because logs may have it.',
)

function* queryPairs(url: string): Generator<[name: string, text: string]> {
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1]
  for (const pair of query ? query.split('&') : []) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const name = decode(at < 0 ? pair : pair.slice(0, at))
    const text = decode(at < 0 ? '' : pair.slice(at + 1))
    if (name === undefined || text === undefined)
      throw new TwinkeyError('invalid_input', 'The query is not valid percent-encoded UTF-8.')
    yield [name, text]
  }
}

function fromText(text: string, type: InputType | undefined): unknown {
  if (type === 'limit') return /^\d{1,9}$/.test(text) ? Number(text) : text
  if (type === 'time') return timeFrom(/^\d{1,16}$/.test(text) ? Number(text) : text)
  return type === 'name or null' && text === '' ? null : text
}

/** Reads an input from a JSON body. An empty body has no members. */
export async function readBodyInput(body: ReadBody, types: InputTypes): Promise<Input> {
  const read = readJson(await body())
  if (isRefusal(read))
    throw new TwinkeyError(
      'invalid_input',
      'The body must be a JSON object of at most 64 KiB that arrives within 10 seconds.',
    )
  requireInput(membersProblem(read, Object.keys(types)), 'The body')
  return Object.fromEntries(
    Object.entries(read).map(([name, value]) => [
      name,
      types[name]?.startsWith('time') ? timeFrom(value) : value,
    ]),
  )
}

// Any other text stays as it is, for the keyring to refuse.
function timeFrom(value: unknown): unknown {
  if (typeof value !== 'string' || !TIME.test(value)) return value
  // Date.parse takes 30 February for 2 March.
  const [year = 0, month = 0, day = 0] = value.slice(0, 10).split('-').map(Number)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
  return day <= days ? Date.parse(value) : value
}

/**
 * Reads the version that a change is based on.
 *
 * @returns Undefined for any version.
 * @throws `invalid_input` unless it is `*` or one entity tag of a key.
 * @see RFC 9110, section 13.1.1
 */
export function readIfMatch(request: WireRequest): number | undefined {
  const value = request.header('if-match')?.trim()
  if (value === undefined || value === '*') return undefined
  const version = /^"(\d{1,16})"$/.exec(value)?.[1]
  requireInput(
    version !== undefined && Number.isSafeInteger(Number(version))
      ? undefined
      : 'must be the ETag of the key, or *',
    'If-Match',
  )
  return Number(version)
}
