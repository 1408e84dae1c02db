import { crc32 } from 'node:zlib'
import { isWellFormed, keyIdOf } from '../../src/core/secrets/secret.ts'
import { hasValidChecksum, secretPattern } from '../../src/index.ts'
import type { Random } from './fuzz-random.ts'
import type { Judgement, Target } from './fuzz-run.ts'
import { type FuzzScene, PREFIXES } from './fuzz-scene.ts'
import { anyText, changed, ODD } from './fuzz-texts.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const GRAMMAR = /^(acme|acme_live|z_)_([0-9A-Za-z]{16})[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/

/** The parser of a secret. A test can pass a broken one. */
export interface SecretParser {
  readonly keyIdOf: (text: string, prefixes: readonly string[]) => string | undefined
  readonly isWellFormed: (text: string) => boolean
  readonly hasValidChecksum: (text: string) => boolean
}

/**
 * The text of a secret, compared with the grammar as a regular expression, and with the CRC of
 * zlib.
 */
export function secretTarget(
  { secrets }: Pick<FuzzScene, 'secrets'>,
  parser: SecretParser = { keyIdOf, isWellFormed, hasValidChecksum },
): Target<string> {
  return {
    name: 'secret',
    // Sometimes with a checksum that fits the change: there the checksum does not help.
    make: (random) =>
      random.oneIn(4)
        ? withChecksum(changed(random.pick(secrets), random, secrets))
        : anyText(random, secrets),
    judge(text) {
      const parts = GRAMMAR.exec(text)
      const good = parts !== null && hasChecksum(text)
      const id = parser.keyIdOf(text, PREFIXES)
      if (parts !== null && id !== parts[2]) return { wrong: `its id is ${parts[2]} and not ${id}` }
      if ((id !== undefined && parser.isWellFormed(text)) !== good)
        return { wrong: good ? 'it was refused' : 'it was taken' }
      if (isAscii(text) && parser.hasValidChecksum(text) !== hasChecksum(text))
        return { wrong: 'its checksum was misjudged' }
      return good ? 'taken' : 'refused'
    },
  }
}

/**
 * The pattern for secret scanners: finds every separate secret in a text, and nothing without the
 * form of a secret.
 */
export function patternTarget({
  secrets,
}: Pick<FuzzScene, 'secrets'>): Target<{ before: string; text: string; after: string }> {
  const patterns = PREFIXES.map(secretPattern)
  return {
    name: 'secretPattern',
    make: (random) => ({
      before: around(random, secrets),
      text: anyText(random, secrets),
      after: around(random, secrets),
    }),
    judge({ before, text, after }) {
      const found = patterns.flatMap((pattern) => pattern.exec(before + text + after)?.[0] ?? [])
      const wrong = found.find((each) => !GRAMMAR.test(each))
      if (wrong !== undefined) return { wrong: `it found ${JSON.stringify(wrong)}` }
      const alone =
        GRAMMAR.test(text) && !/\w$/.test(before) && !/^\w/.test(after) && !/\w{65}/.test(before)
      if (alone && !found.includes(text)) return { wrong: 'it found no secret' }
      return found.length > 0 ? 'taken' : ('refused' satisfies Judgement)
    },
  }
}

function around(random: Random, secrets: readonly string[]): string {
  return random.oneIn(2) ? random.pick(ODD) : anyText(random, secrets)
}

function hasChecksum(text: string): boolean {
  return text.length > 6 && checksum(text.slice(0, -6)) === text.slice(-6)
}

function withChecksum(text: string): string {
  const body = text.slice(0, -6)
  return body + checksum(body)
}

function checksum(text: string): string {
  let rest = crc32(Buffer.from(text, 'latin1'))
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = ALPHABET.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
