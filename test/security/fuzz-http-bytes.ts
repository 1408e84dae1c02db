import type { Profile } from 'twinkey'
import { bodyBytes } from './fuzz-bodies.ts'
import type { Random } from './fuzz-random.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import { anyText, changed, ODD, randomText } from './fuzz-texts.ts'
import { anyUrl } from './fuzz-wire.ts'

const METHODS = ['HEAD', 'PUT', 'DELETE', 'TRACE', 'CONNECT', 'PATCH', 'get', 'BREW', 'GET ', '']
const VERSIONS = ['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ', 'http/1.1', 'HTTP/9', '']
const CREDENTIALS = [
  'AUTHORIZATION',
  'authorization',
  'X-API-Key',
  'x-boomi-flow-api-key',
  'Authorization ',
  'Authorizatio\u0131n',
]
const SCHEMES = ['bearer  ', 'Key=', 'Basic ', '', 'Bearer\t', ' Bearer ', 'Digest ']
const COLONS = [':', ':\t', ' : ', ':\r\n ', ': \0', ':  ']
const ENDS = ['\n', '\r', '\r\n\t', ' \r\n', '\r\n\r\n']
const ORIGINS = [
  'http://localhost',
  'http://user:word@localhost',
  'https://user@elsewhere:0',
  'https://elsewhere.test:99999',
  '//',
  'http://',
  '*',
  ' ',
]
const TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'text/plain; charset=utf-16',
  'application/json; charset=latin9',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'application/json;;;=',
  '*/*',
  '',
  'a/b, c/d',
]
const CODINGS = ['gzip', 'deflate', 'br', 'identity', 'x, gzip', 'gzip, gzip, gzip']
const TRANSFERS = [
  'chunked',
  'Chunked',
  'chunked, identity',
  'gzip, chunked',
  'xchunked',
  'chunked;a=b',
]

type Seeds = Pick<FuzzScene, 'live' | 'texts' | 'profiles'>

/** Where a profile is asked on the hosts of the fuzzer. */
export function pathsOf({ name }: Pick<Profile, 'name'>): { guarded: string; tokens: string } {
  return { guarded: `/guarded/${name}`, tokens: `/tokens/${name}` }
}

/** The bytes of a connection, one for each character: one request or two that are nearly HTTP. */
export function anyBytes(random: Random, seeds: Seeds): string {
  let bytes = oneRequest(random, seeds)
  if (random.oneIn(12)) bytes = changed(bytes, random, [bytes])
  if (random.oneIn(10)) bytes += oneRequest(random, seeds)
  return Buffer.from(bytes, 'latin1').toString('latin1')
}

// Mostly valid, so that what follows is read too.
function mostly<T>(good: T, odd: readonly T[], random: Random): T {
  return random.oneIn(40) ? random.pick(odd) : good
}

function oneRequest(random: Random, seeds: Seeds): string {
  const field = (name: string, value: string) =>
    spelled(name, random) +
    mostly(': ', COLONS, random) +
    spelled(value, random) +
    mostly('\r\n', ENDS, random)
  const lines = [
    `${mostly(random.pick(['GET', 'POST']), METHODS, random)} ${target(random, seeds)} ${mostly('HTTP/1.1', VERSIONS, random)}\r\n`,
  ]
  if (!random.oneIn(30))
    lines.push(random.oneIn(30) ? field('Host', randomText(random, 30)) : 'Host: localhost\r\n')
  if (!random.oneIn(5))
    lines.push(
      field(
        random.oneIn(2) ? 'Authorization' : random.pick(CREDENTIALS),
        credential(random, seeds),
      ),
    )
  if (random.oneIn(12)) lines.push(field(random.pick(CREDENTIALS), credential(random, seeds)))
  if (random.oneIn(4))
    lines.push(field('ManyWhoTenant', random.pick(['1001', randomText(random, 30)])))
  if (random.oneIn(8))
    lines.push(
      field(
        'Connection',
        random.pick(['close', 'keep-alive', 'Upgrade, HTTP2-Settings', 'authorization']),
      ),
    )
  if (random.oneIn(20)) lines.push(field('Expect', random.pick(['100-continue', '200-ok'])))
  if (random.oneIn(20))
    lines.push(field(random.pick(['X-Long', 'Cookie', 'Authorization']), longText(random)))
  if (random.oneIn(12))
    lines.push(field(random.oneIn(10) ? randomText(random, 20) : 'X-Odd', randomText(random, 40)))
  return `${lines.join('')}${body(random, field)}`
}

// A control character ends a request before any of it is read.
function spelled(text: string, random: Random): string {
  return mostly(text.replace(/[^ -~\x80-\xff]/g, ''), [text], random)
}

function longText(random: Random): string {
  return random.pick(['a', ',', ' ', '=', 'Bearer ']).repeat(1000 + random.below(16_000))
}

function target(random: Random, seeds: Seeds): string {
  const { guarded, tokens } = pathsOf(random.pick(seeds.profiles))
  const below = [
    tokens,
    `${tokens}/generate`,
    `${tokens}/test`,
    `/text${tokens}`,
    `/drained${tokens}/generate`,
  ]
  const path = random.oneIn(2) ? guarded : random.pick([...below, `${guarded}/1001`])
  const query = random.oneIn(3)
    ? escaped(anyUrl(random, () => anyText(random, seeds.texts)).replace(/^[^?]*/, ''), random)
    : ''
  const written = mostly('', ORIGINS, random) + path + query
  return random.oneIn(20) ? changed(written, random, [written, random.pick(ODD)]) : written
}

// A character that no target may have ends a request before any of it is read.
function escaped(query: string, random: Random): string {
  return random.oneIn(10)
    ? query
    : query.replace(/[^!-~]/g, (character) => encodeURIComponent(Buffer.from(character).toString()))
}

function credential(random: Random, { live, texts }: Seeds): string {
  const text = random.oneIn(2) ? random.pick([...live.keys()]) : anyText(random, texts)
  const scheme = random.oneIn(2) ? 'Bearer ' : random.pick(SCHEMES)
  return (
    scheme + (scheme === 'Basic ' ? Buffer.from(`:${text}`, 'latin1').toString('base64') : text)
  )
}

function body(random: Random, field: (name: string, value: string) => string): string {
  if (random.oneIn(2)) return '\r\n'
  const bytes = bodyBytes(random).toString('latin1')
  let fields = random.oneIn(3) ? '' : field('Content-Type', random.pick(TYPES))
  if (random.oneIn(6)) fields += field('Content-Encoding', random.pick(CODINGS))
  if (random.oneIn(5)) {
    const size = random.pick([
      bytes.length.toString(16),
      'ffffffffffffffff',
      '-1',
      '0',
      '1;a=b',
      'g',
    ])
    return `${fields}${field('Transfer-Encoding', random.pick(TRANSFERS))}\r\n${size}\r\n${bytes}\r\n0\r\n\r\n`
  }
  const length = random.oneIn(3)
    ? random.pick([0, 1, -1, 1e21, bytes.length + 10, bytes.length - 1, '0x10', '1, 1', '+5', ''])
    : bytes.length
  return `${fields}Content-Length: ${length}\r\n${random.oneIn(20) ? `Content-Length: ${bytes.length}\r\n` : ''}\r\n${bytes}`
}
