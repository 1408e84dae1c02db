import type { WireRequest } from '../../src/index.ts'
import type { Random } from './fuzz-random.ts'
import { NAMES } from './fuzz-scene.ts'
import { anyText, changed, ODD, randomText } from './fuzz-texts.ts'

/** A request as a caller sends it, before any profile has read it. */
export interface FuzzRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const SCHEMES = [
  'Bearer ',
  'bearer ',
  'BEARER  ',
  'Key=',
  'key=',
  'Basic ',
  'basic ',
  'Bearer',
  'Digest ',
  '',
]
const PARAMETERS = [
  'auth-key',
  '_profile',
  'Auth-Key',
  'auth%2dkey',
  'auth-key+',
  'tenant',
  '',
  'auth-key[]',
  '?auth-key',
  'a=1;auth-key',
  '#auth-key',
]

/**
 * A request that mostly holds one of these credentials where some profile reads it, and is then
 * changed.
 */
export function anyRequest(random: Random, texts: readonly string[]): FuzzRequest {
  const headers: Record<string, string> = {}
  const text = () => (random.oneIn(2) ? random.pick(texts) : anyText(random, texts))
  if (!random.oneIn(3)) headers['authorization'] = field(random, text)
  if (random.oneIn(4)) headers['x-api-key'] = text()
  if (random.oneIn(4)) headers['x-boomi-flow-api-key'] = text()
  if (random.oneIn(3)) headers['manywhotenant'] = name(random)
  if (random.oneIn(3)) headers['x-tenant'] = name(random)
  const asked = random.oneIn(2) ? anyUrl(random, text) : '/'
  return { method: random.pick(['GET', 'POST', 'HEAD', 'GET']), url: asked, headers }
}

/** A URL with a query, sometimes with a credential in it. */
export function anyUrl(random: Random, text: () => string): string {
  const pairs = Array.from({ length: random.below(4) }, () => {
    const value = random.oneIn(3) ? name(random) : text()
    return `${random.pick(PARAMETERS)}=${random.oneIn(3) ? value : percent(value)}`
  })
  const url = `${random.pick(['/', '/a/b', 'https://host.test/', '', '//', '/?'])}?${pairs.join(random.oneIn(20) ? random.pick(ODD) : '&')}`
  return random.oneIn(4) ? changed(url, random, [url, '#', '&auth-key=']) : url
}

/** A name on some axis, mostly an existing one. */
export function name(random: Random): string {
  return random.oneIn(3) ? randomText(random, 20) : changed(random.pick(NAMES), random, NAMES)
}

/** The request as a profile reads it. */
export function wireRequest({ method, url, headers }: FuzzRequest): WireRequest {
  return { method, url, header: (of) => headers[of], param: () => undefined }
}

/**
 * The credentials that a reader without Twinkey code finds in a request: after a scheme, alone in a
 * field, in Basic or in the query. Every accepted credential must be among them.
 */
export function credentialsIn({ url, headers }: FuzzRequest): ReadonlySet<string> {
  const { authorization = '' } = headers
  const found = new Set<string>([
    authorization,
    headers['x-api-key'] ?? '',
    headers['x-boomi-flow-api-key'] ?? '',
  ])
  const [, behind = ''] = /^(?:bearer +|key=)(.*)$/is.exec(authorization) ?? []
  found.add(behind)
  if (/^basic +/i.test(authorization))
    found.add(Buffer.from(authorization.slice(5).trim(), 'base64').toString('latin1').slice(1))
  for (const value of queryValues(url, 'auth-key')) found.add(value)
  found.delete('')
  return found
}

/** The values of a parameter by the platform, between the first question mark and the fragment. */
export function queryValues(url: string, of: string): string[] {
  const [target = ''] = url.split('#')
  const start = target.indexOf('?')
  // A question mark at the beginning would be taken for none of the query's.
  return start < 0
    ? []
    : new URLSearchParams(target.slice(start + 1).replace(/^\?/, '%3f')).getAll(of)
}

/**
 * The text as UTF-8 can hold it: halves of characters become replacement characters, as the
 * platform does in a query.
 */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

function field(random: Random, text: () => string): string {
  const scheme = random.pick(SCHEMES)
  const whole =
    /^basic/i.test(scheme) && !random.oneIn(4)
      ? scheme + Buffer.from(`:${text()}`, 'latin1').toString('base64')
      : scheme + text()
  return random.oneIn(6) ? changed(whole, random, [whole]) : whole
}

function percent(text: string): string {
  return encodeURIComponent(wellFormed(text))
}
