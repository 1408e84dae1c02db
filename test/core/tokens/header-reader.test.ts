import { describe, expect, it } from 'vitest'
import { createHeaderReader, isTokenLike } from '../../../src/core/tokens/token.ts'

const encode = (text: string) => Buffer.from(text).toString('base64url')
const headerOf = (kid: string) => encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid }))
const tokenWith = (header: string) => `${header}.${encode('{}')}.${'A'.repeat(86)}`
// The same bytes in another form: the last character has bits beyond the last byte.
const otherForm = (segment: string) => `${segment.slice(0, -1)}${segment.endsWith('A') ? 'B' : 'R'}`

describe('the header of a token', () => {
  it('is read from a token in its one form only', () => {
    const header = encode('{"alg":"ES256","typ":"at+jwt","kid":"key"}')
    const [payload, signature] = [encode('{"a":1}'), 'A'.repeat(86)]
    const { read } = createHeaderReader()
    expect(read(`${header}.${payload}.${signature}`)).toEqual({ algorithm: 'ES256', kid: 'key' })
    // These lengths leave unused bits in the last characters.
    expect([header.length % 4, payload.length % 4, signature.length % 4]).toEqual([0, 2, 2])
    const padded = encode('{"alg":"ES256","typ":"at+jwt","kid":"key1"}')
    expect(padded.length % 4).toBe(2)
    expect(read(`${padded}.${payload}.${signature}`)).toEqual({ algorithm: 'ES256', kid: 'key1' })
    for (const token of [
      `${otherForm(padded)}.${payload}.${signature}`,
      `${padded}.${otherForm(payload)}.${signature}`,
      `${padded}.${payload}.${otherForm(signature)}`,
      ` ${padded}.${payload}.${signature}`,
      `${padded}.${payload}.${signature}\n`,
      `${padded}.${payload}.${signature}!`,
      `${padded}.${payload}`,
      `${padded}.${payload}.${signature}.`,
    ])
      expect(read(token)).toBeUndefined()
  })

  it('is not read behind a byte order mark', () => {
    const { read } = createHeaderReader()
    expect(read(tokenWith(encode('\ufeff{"alg":"ES256","typ":"at+jwt"}')))).toBeUndefined()
    expect(read(tokenWith(encode('{"alg":"ES256","typ":"at+jwt"}')))).toBeDefined()
  })

  it('is kept for at most 100 signing keys, each once', () => {
    const reader = createHeaderReader()
    const tokens = Array.from({ length: 102 }, (_, at) => tokenWith(headerOf(`key-${at}`)))
    for (const token of tokens) {
      const header = reader.read(token)
      if (header === undefined) throw new Error('the header is not read')
      reader.remember(token, header)
      reader.remember(token, { ...header })
    }
    const again = tokens.map(reader.read)
    const isKept = (token: string, at: number) => reader.read(token) === again[at]
    expect(tokens.map(isKept)).toEqual(tokens.map((_, at) => at < 100))
  })

  it('stays the first one that was kept', () => {
    const reader = createHeaderReader()
    const token = tokenWith(headerOf('key'))
    reader.remember(token, { algorithm: 'ES256', kid: 'first' })
    reader.remember(token, { algorithm: 'ES256', kid: 'second' })
    expect(reader.read(token)?.kid).toBe('first')
  })
})

describe('isTokenLike', () => {
  it('needs both the beginning of a token and a dot', () => {
    expect(isTokenLike('eyJhbGci.e30.AA')).toBe(true)
    for (const text of ['eyJhbGci', 'acme.example', 'x.eyJ', ''])
      expect(isTokenLike(text)).toBe(false)
  })
})
