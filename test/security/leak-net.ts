import { createHash, createHmac } from 'node:crypto'
import type { generateSigningKey } from 'twinkey'

/** What must not appear anywhere. */
export interface Hidden {
  /** Secrets of Twinkey and of other systems. */
  readonly secrets?: readonly string[]
  readonly tokens?: readonly string[]
  /**
   * Digests in the form in which they are stored. Those of the secrets, plain and under the
   * peppers, are known already.
   */
  readonly digests?: readonly string[]
  readonly peppers?: readonly Uint8Array[]
  readonly signingKeys?: readonly Awaited<ReturnType<typeof generateSigningKey>>[]
}

/** Finds secret text, and any part of it of twelve characters or more, in any spelling. */
export interface Net {
  /** The secret part of a text, or undefined. */
  caught(text: string): string | undefined
  /** The number of parts that it knows. */
  readonly size: number
}

const PART = 12
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const
// Ours: after the prefix an id of 16 characters, which is no secret, 43 that are, and a checksum of
// 6.
const OURS = /_[0-9A-Za-z]{16}([0-9A-Za-z]{43})[0-9A-Za-z]{6}$/
// Bytes as Node shows them: `<Buffer 61 62>` and lists of numbers, of one byte or of two each.
const SPACED_HEX = /\b[0-9a-f]{2}(?: [0-9a-f]{2}){7,}\b/g
const NUMBERS = /\d{1,5}(?:[,\s]+\d{1,5}){7,}/g

export function createNet({
  secrets = [],
  tokens = [],
  digests = [],
  peppers = [],
  signingKeys = [],
}: Hidden): Net {
  const parts = new Map<string, string>()
  const addText = (what: string, text: string) => {
    for (let at = 0; at + PART <= text.length; at++) parts.set(text.slice(at, at + PART), what)
  }
  const addBytes = (what: string, bytes: Uint8Array) => {
    const buffer = Buffer.from(bytes)
    addText(`${what} in hex`, buffer.toString('hex'))
    addText(`${what} as text`, buffer.toString('utf16le'))
    // Base64 of a longer text that it stands in, at each of the three places where it may begin;
    // what touches the rest is left out.
    for (const before of [0, 1, 2]) {
      const text = Buffer.concat([Buffer.alloc(before), buffer])
        .toString('base64')
        .replace(/=+$/, '')
        .slice(before === 0 ? 0 : 4, -2)
      addText(`${what} in base64`, text)
      addText(`${what} in base64url`, text.replaceAll('+', '-').replaceAll('/', '_'))
    }
  }
  for (const secret of secrets) {
    const random = OURS.exec(secret)?.[1] ?? secret
    addText('a secret', random)
    addBytes('a secret', Buffer.from(random))
    addBytes('a digest', createHash('sha256').update(secret).digest())
    for (const pepper of peppers)
      addBytes('a digest', createHmac('sha256', pepper).update(secret).digest())
  }
  // The rest of a token is claims, some of which are the same in all tokens.
  for (const token of tokens)
    addText('the signature of a token', token.slice(token.lastIndexOf('.') + 1))
  for (const digest of digests)
    addBytes('a digest', Buffer.from(digest.slice(digest.lastIndexOf(':') + 1), 'base64url'))
  for (const pepper of peppers) addBytes('a pepper', pepper)
  for (const key of signingKeys) {
    for (const member of PRIVATE) {
      const value = key[member]
      if (typeof value !== 'string') continue
      addText(`${member} of a signing key`, value)
      addBytes(`${member} of a signing key`, Buffer.from(value, 'base64url'))
    }
  }
  return {
    size: parts.size,
    caught(text) {
      for (const spelling of spellingsOf(text)) {
        for (let at = 0; at + PART <= spelling.length; at++) {
          const what = parts.get(spelling.slice(at, at + PART))
          if (what !== undefined)
            return `${what}: ${spelling.slice(Math.max(0, at - 80), at + 2 * PART)}`
        }
      }
      return undefined
    },
  }
}

// The text, and everything that can be decoded from it.
function spellingsOf(text: string): string[] {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  const lowered = text.toLowerCase().match(/[0-9a-f]{24,}/g) ?? []
  const spaced = (text.match(SPACED_HEX) ?? []).map((bytes) => bytes.replaceAll(' ', ''))
  // Typed arrays as JSON have their indices before them.
  const lists = text.replace(/"\d+":(?=\d)/g, '').match(NUMBERS) ?? []
  return [
    text,
    ...(decoded === text ? [] : [decoded]),
    ...lowered,
    ...spaced,
    ...lists.map(bytesOf),
  ]
}

function bytesOf(list: string): string {
  const numbers = list.split(/[,\s]+/).map(Number)
  const isPairs = numbers.some((number) => number > 255)
  const bytes = numbers.flatMap((number) =>
    isPairs ? [number & 255, (number >> 8) & 255] : [number],
  )
  return Buffer.from(bytes).toString('hex')
}
