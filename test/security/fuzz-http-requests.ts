import { bodyBytes } from './fuzz-bodies.ts'
import type { Random } from './fuzz-random.ts'
import { anyText, changed, ODD, randomText } from './fuzz-texts.ts'
import { name } from './fuzz-wire.ts'

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'get', 'PRI', 'CONNECT', '']
const PATHS = ['/standard', '/boomi-flow', '/flare', '/flowgear', '/tenants/1001', '/no-such-route', '*', '//standard', '/standard/../flare', '']
const ENDPOINTS = ['', '/', '/generate', '/test', '/test/', '/jwks.json'].flatMap((path) => [
  `/tokens/standard${path}`,
  `/tokens/boomi-flow${path}`,
  `/tokens/flare${path}`,
  `/tokens/flowgear${path}`,
])
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.1 ', 'http/1.1', '']
const CREDENTIAL_FIELDS = ['Authorization', 'X-API-Key', 'x-boomi-flow-api-key']
const SCHEMES = ['Bearer ', 'Bearer ', 'bearer ', 'Key=', 'Basic ', '']
const LENGTHS = ['0', '1', '5', '-1', '+5', '5, 5', '0x5', '1e1', '99999999999999999999', '']
const TYPES = [
  'application/json',
  'application/json; charset=utf-7',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'text/plain',
  'application/json, text/plain',
  '/',
  '',
]
const OTHERS: readonly (readonly [string, string])[] = [
  ['Expect', '100-continue'],
  ['Expect', 'something else'],
  ['Upgrade', 'websocket'],
  ['Connection', 'upgrade'],
  ['Connection', 'keep-alive'],
  ['Content-Encoding', 'gzip'],
  ['Content-Encoding', 'odd'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Transfer-Encoding', 'identity'],
  ['Accept-Encoding', '*'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['Cookie', 'a=b'],
  ['Range', 'bytes=0-'],
  ['Host', 'elsewhere'],
  ['__proto__', 'x'],
]

/** The bytes of a request for the application of the HTTP fuzzer, made from the grammar of HTTP and then broken in any of its places. */
export function requestBytes(random: Random, texts: readonly string[]): Buffer {
  const method = random.pick(METHODS)
  const lines = [`${method} ${target(random, texts)} ${random.pick(VERSIONS)}`]
  if (!random.oneIn(20)) lines.push('Host: localhost')
  for (let i = random.below(3); i >= 0; i--) lines.push(field(random, random.pick(CREDENTIAL_FIELDS), credential(random, texts)))
  if (random.oneIn(3)) lines.push(field(random, random.pick(['ManyWhoTenant', 'X-Tenant']), name(random)))
  if (random.oneIn(3)) lines.push(field(random, ...random.pick(OTHERS)))
  if (random.oneIn(200)) lines.push(...Array.from({ length: 3000 }, (_, i) => `x-${i}: 1`))
  const body = random.oneIn(method === 'POST' ? 5 : 2) ? Buffer.alloc(0) : bodyBytes(random)
  if (random.oneIn(2)) lines.push(field(random, 'Content-Type', random.pick(TYPES)))
  const isChunked = random.oneIn(6)
  if (isChunked) lines.push(field(random, 'Transfer-Encoding', 'chunked'))
  if (!isChunked || random.oneIn(10)) lines.push(field(random, 'Content-Length', random.oneIn(6) ? random.pick(LENGTHS) : String(body.length)))
  const end = random.oneIn(30) ? random.pick(['\n', '\r', '\r\r\n']) : '\r\n'
  const head = Buffer.from(lines.join(end) + end + end, random.oneIn(10) ? 'utf8' : 'latin1')
  const bytes = Buffer.concat([head, isChunked ? chunked(random, body) : body])
  if (random.oneIn(10) && bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
  return random.oneIn(30) ? bytes.subarray(0, random.below(bytes.length)) : bytes
}

function target(random: Random, texts: readonly string[]): string {
  const path = random.pick(random.oneIn(3) ? ENDPOINTS : PATHS)
  const query = random.oneIn(3) ? `?${random.pick(['auth-key', 'Auth-Key', '_profile', 'auth%2dkey'])}=${encodeURIComponent(credential(random, texts, ''))}` : ''
  const base = random.oneIn(10) ? random.pick(['http://localhost', 'https://user:word@elsewhere:0', 'http://[', 'http:', 'ftp://x']) : ''
  const url = base + path + query
  if (random.oneIn(300)) return url + 'a'.repeat(random.below(40_000))
  return random.oneIn(5) ? changed(url, random, [path, '%', '%zz', '%00', '%2f..%2f', '#', '?']) : url
}

function credential(random: Random, texts: readonly string[], scheme = random.pick(SCHEMES)): string {
  const text = random.oneIn(3) ? anyText(random, texts) : random.pick(texts)
  // What cannot be encoded into a URL is left to the other places.
  const wellFormed = Buffer.from(text).toString()
  return scheme === 'Basic ' ? scheme + Buffer.from(`:${wellFormed}`).toString('base64') : scheme + wellFormed
}

// A field as it should be written, mostly.
function field(random: Random, of: string, value: string): string {
  const written = random.oneIn(3) ? (random.oneIn(2) ? of.toLowerCase() : of.toUpperCase()) : of
  switch (random.below(40)) {
    case 0:
      return `${written} : ${value}`
    case 1:
      return ` ${written}: ${value}`
    case 2:
      return `${written}:${value.slice(0, 5)}\r\n\t${value.slice(5)}`
    case 3:
      return `${written}: ${value}\r\n${of}: ${value}`
    case 4:
      return `${written}: ${random.pick(ODD)}${value}${random.pick(ODD)}`
    case 5:
      return `${written}: ${value}${'a'.repeat(random.below(20_000))}`
    case 6:
      return `${written}:\t \t${value}\t `
    case 7:
      return `${written}${random.pick(ODD)}: ${value}`
    case 8:
      return random.oneIn(2) ? `${written}:` : written
    case 9:
      return `${written}: ${randomText(random)}`
    default:
      return `${written}: ${value}`
  }
}

function chunked(random: Random, body: Buffer): Buffer {
  const size = random.oneIn(5) ? random.pick(['', '-1', '0x1', 'ffffffffffffffff', '1;a=b', ' 1', '1\n']) : body.length.toString(16)
  return Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from(random.oneIn(5) ? '\r\n' : '\r\n0\r\n\r\n')])
}
