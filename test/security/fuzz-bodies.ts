import { isPlainObject } from '../../src/core/model/checks.ts'
import { isRefusal } from '../../src/core/model/refusal.ts'
import { scopeProblem } from '../../src/core/model/scope.ts'
import { readBody } from '../../src/http/body.ts'
import type { Principal, Profile } from '../../src/index.ts'
import type { Random } from './fuzz-random.ts'
import { refusalProblem } from './fuzz-refusals.ts'
import type { Target } from './fuzz-run.ts'
import { scopeString } from './fuzz-scopes.ts'
import { changed, ODD, randomText } from './fuzz-texts.ts'

const BODIES = [
  '{"scope":"tenant:1001 workflow:customers.read","expires_in":600}',
  '{"tenant_id":1001}',
  'scope=tenant%3A1001&expires_in=600',
  'tenant_id=1001',
  '{}',
  '',
  ' \r\n',
  '{"__proto__":{"scope":"tenant:*"},"constructor":1}',
  '[{"tenant_id":1}]',
  '{"scope":{"tenants":"*"},"expires_in":1e400}',
  '{"expires_in":-0,"expires_in":3600}',
  '%7B%22tenant_id%22%3A1001%7D=',
]
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  3600,
  3601,
  1001,
  2 ** 53,
  '600',
  '0',
  '9999',
  '',
  [],
  {},
  ['*'],
  '*',
  { code: 'x' },
]

/**
 * The body of a token request: its members, nothing if it is empty, or a refusal. An unreadable
 * body never counts as empty.
 */
export function bodyTarget(read: typeof readBody = readBody): Target<Buffer> {
  return {
    name: 'readBody',
    make: bodyBytes,
    judge(bytes) {
      const body = read({ bytes })
      if (({} as Record<string, unknown>)['scope'] !== undefined)
        return { wrong: 'it has changed the prototype of all objects' }
      if (body === undefined)
        return /^\s*(?:\{\s*\})?\s*$/.test(bytes.toString())
          ? 'taken'
          : { wrong: 'it was taken for empty' }
      if (isRefusal(body)) {
        const problem = refusalProblem(body)
        return problem === undefined ? 'refused' : { wrong: problem }
      }
      return isPlainObject(body) && bytes.length <= 65_536 ? 'taken' : { wrong: 'it was taken' }
    },
  }
}

/**
 * What each profile reads from the members of a body: a valid scope and lifetime for a token, or a
 * refusal.
 */
export function tokenRequestTarget(
  profile: Profile,
  holder: Principal,
): Target<Record<string, unknown> | undefined> {
  return {
    name: `tokenRequest of ${profile.name}`,
    make: members,
    async judge(body) {
      const asked = await profile.tokenRequest(body, holder)
      if (isRefusal(asked)) {
        const problem = refusalProblem(asked)
        return problem === undefined ? 'refused' : { wrong: problem }
      }
      const { scope = {}, lifetimeSeconds = 3600, resource = '', ...more } = asked
      const problem = scopeProblem({ tenants: [], environments: [], workflows: [], ...scope })
      if (problem !== undefined) return { wrong: problem }
      if (Object.keys(more).length > 0) return { wrong: `it asks for ${Object.keys(more)}` }
      if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > 3600)
        return { wrong: `for ${lifetimeSeconds} s` }
      if (typeof resource !== 'string') return { wrong: `for the resource ${resource}` }
      return 'taken'
    },
  }
}

/** The bytes of a body, sometimes with one of them changed so that they are not text. */
export function bodyBytes(random: Random): Buffer {
  const text = random.oneIn(5)
    ? JSON.stringify(members(random) ?? '')
    : random.oneIn(5)
      ? randomText(random)
      : changed(random.pick(BODIES), random, BODIES)
  const padded = random.oneIn(1000) ? text + ' '.repeat(random.below(140_000)) : text
  const bytes = Buffer.from(padded, random.oneIn(30) ? 'utf16le' : 'utf8')
  if (bytes.length > 0 && random.oneIn(10)) bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}

function members(random: Random): Record<string, unknown> | undefined {
  if (random.oneIn(20)) return undefined
  const body: Record<string, unknown> = {}
  if (!random.oneIn(3)) body['scope'] = random.oneIn(5) ? random.pick(VALUES) : scopeString(random)
  if (random.oneIn(2))
    body['expires_in'] = random.oneIn(3)
      ? randomText(random, 5)
      : random.oneIn(2)
        ? random.pick(VALUES)
        : random.below(5000)
  if (random.oneIn(2))
    body['tenant_id'] = random.oneIn(2) ? random.pick(VALUES) : random.below(2000)
  if (random.oneIn(3))
    body['resource'] = random.oneIn(2) ? random.pick(VALUES) : randomText(random, 20)
  if (random.oneIn(5)) body[random.pick(ODD)] = random.pick(VALUES)
  return body
}
