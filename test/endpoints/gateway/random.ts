import type { RawRequest } from '../../support/raw-http.ts'

/** A generator of numbers from 0 up to 1 that repeats itself for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const METHODS = [
  ...Array(50).fill('GET'),
  'HEAD',
  'HEAD',
  'PUT',
  'PUT',
  'PUT',
  'POST',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'PURGE',
  'get',
  'G-T',
]
const PATHS = [
  '/',
  '/customers',
  '/customers/',
  '/customers/export',
  '/customers/7',
  '/customers/c-8',
  '/tenants/t1',
  '/tenants/t2',
  '/tenants/t1/customers/9',
  '/tenants/t2/customers/export',
]
const QUERIES = [
  '',
  '?tenant=t1',
  '?tenant=t1',
  '?tenant=t2&a=/../b',
  '?a=%2e%2e%2f&tenant=t1',
  '?',
]
const PIECES = [
  '/',
  '/',
  '//',
  '/.',
  '/..',
  '/./',
  '/../',
  '/../../',
  '..',
  '.',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%2f',
  '%2F',
  '%5c',
  '\\',
  '\\..\\',
  ';',
  ';a=1',
  '%3b',
  '%00',
  '%0a',
  '%0d%0aX-Twinkey-Key:%20forged',
  '%',
  '%7',
  '%zz',
  '%c0%af',
  '%c0%ae',
  '%ff',
  '%252e',
  '%252f',
  '%25',
  '%2525',
  '%u002e',
  '#',
  '#/customers/export',
  '?',
  '??',
  '&tenant=t2',
  '%09',
  '\t',
  '\x0b',
  '\x7f',
  '\x80',
  '\xe9',
  '\xff',
  '"',
  '<',
  '>',
  '|',
  '^',
  '`',
  '{',
  '}',
  '[',
  '*',
  ':',
  '@',
  ',',
  '+',
  '$',
  '%20',
  '%63',
  '%6d',
  '%74',
  '%41',
  'a',
  'Z',
  'export',
  'EXPORT',
  'tenants/t2',
  'customers',
  '%E2%80%AE',
  '%EF%BC%8F',
  '%E2%84%AA',
  '~',
  '-',
]
const PREFIXES = [
  'http://evil.example',
  'http://localhost:1/..',
  'https://evil.example:443',
  '//evil.example',
  'x:',
  '\\',
  '.',
  '*',
  '?',
  '#',
  'HTTP://EVIL.EXAMPLE',
  '/tenants/t2/..',
  '/%2e',
  '/.;',
  '/customers/export/..',
]
const OURS = ['Key', 'Name', 'Tenant', 'Environment', 'Workflow', 'Owner', 'Status', 'Body']
const LISTED = [
  'X-Twinkey-Tenant',
  'X-Twinkey-Key',
  'X-Original-URI',
  'X-Forwarded-Uri',
  'X-Forwarded-Method',
  'X-API-Key',
  'close',
  'Upgrade',
  'Host',
  'X-Tenant',
]
const VALUES = [
  'forged',
  'forged',
  '',
  'forged\x85X-Twinkey-Key: forged',
  'forged\x0bX-Twinkey-Key: forged',
  'forged\x1cX-Twinkey-Key: forged',
  'forged\rX-Twinkey-Key: forged',
  'forged\r\n X-Twinkey-Key: forged',
  'forged\r\n\tX-Twinkey-Tenant: forged',
  'forged, forged',
  '{http.request.host}',
  '$host',
  'forged'.repeat(500),
]
const OVERRIDES = [
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-HTTP-Method-Override',
  'X-Method-Override',
  'X_Original_URI',
  'X_Forwarded_Uri',
  'X.Forwarded.Uri',
  'X-Original_URI',
]

/** Makes a request of a client: most have a route or almost one, and a credential. */
export function randomRequest(
  random: () => number,
  keys: readonly string[],
): RawRequest & { readonly headers: readonly (readonly [string, string])[] } {
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T
  const often = (share: number) => random() < share
  const times = (most: number) => Math.floor(random() * (most + 1))

  let path = pick(PATHS)
  if (often(0.45))
    for (let left = 1 + times(2); left > 0; left--) {
      const at = times(path.length)
      path = path.slice(0, at) + pick(PIECES) + path.slice(at + (often(0.3) ? 1 : 0))
    }
  if (often(0.08)) path = pick(PREFIXES) + path
  if (often(0.04)) path = path.toUpperCase()
  if (often(0.01)) path += 'a'.repeat(times(9000))

  const value = () => pick(VALUES)
  const sign = () => pick(['-', '-', '_', '.', '~', '!', '*'])
  const alias = () => {
    const name = `X${sign()}Twinkey${sign()}${pick(OURS)}`
    return often(0.3) ? name.toLowerCase() : often(0.2) ? name.toUpperCase() : name
  }
  const kinds = [
    () => [alias(), value()],
    () => [alias(), value()],
    () => [`${alias()} `, value()],
    () => ['Connection', [pick(LISTED), pick(LISTED)].join(', ')],
    () => [pick(['X-Original-URI', 'X-Forwarded-Uri']), pick(PATHS)],
    () => [pick(['X-Original-Method', 'X-Forwarded-Method']), pick(METHODS)],
    () => [pick(OVERRIDES), pick(PATHS)],
    () => [
      pick(['X-Forwarded-For', 'X-Forwarded-Host', 'Forwarded', 'Via', 'X-Forwarded-Prefix']),
      value(),
    ],
    () => ['X-Other', value()],
    () => ['X-Tenant', pick(['t1', 't2'])],
    () => ['Content-Length', '0'],
    () => ['Host', pick(['localhost', 'evil.example', 'localhost:1'])],
  ]
  const headers: (readonly [string, string])[] = []
  const key = pick(keys)
  if (key !== '') headers.push(['X-API-Key', key])
  if (path.startsWith('/customers/') || often(0.1)) headers.push(['X-Tenant', 't1'])
  for (let left = often(0.4) ? 1 + times(2) : 0; left > 0; left--)
    headers.push(pick(kinds)() as [string, string])
  return { method: pick(METHODS), target: path + pick(QUERIES), headers }
}
