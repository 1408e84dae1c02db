import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isSignedBy, readPublicKey, readSignature } from '../../../src/endpoints/leaks/signature.ts'
import { createSigner } from './scene.ts'

const VECTORS: readonly Readonly<Record<'source' | 'key' | 'signature' | 'body', string>>[] =
  JSON.parse(readFileSync(new URL('../../vectors/github-signatures.json', import.meta.url), 'utf8'))
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const bytesOf = (text: string) => new TextEncoder().encode(text)

async function holds(pem: string, signature: string, body: string): Promise<boolean> {
  const key = await readPublicKey(pem)
  const read = readSignature(signature)
  return key !== undefined && read !== undefined && isSignedBy(key, read, bytesOf(body))
}

function integer(value: bigint | readonly number[]): number[] {
  const bytes = typeof value === 'bigint' ? [...Buffer.from(evenHex(value), 'hex')] : [...value]
  return [0x02, bytes.length, ...bytes]
}

function evenHex(value: bigint): string {
  const hex = value.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even
}

const sequence = (...content: readonly number[]) =>
  Buffer.from([0x30, content.length, ...content]).toString('base64')
const one = integer(1n)
// Ten bytes, so that the text ends with two signs of padding.
const PADDED = sequence(...one, ...integer(0x10000n))

describe('a signature of GitHub', () => {
  it.each(VECTORS)('verifies: $source', async ({ key, signature, body }) => {
    expect(await holds(key, signature, body)).toBe(true)
    expect(await holds(key, signature, `${body} `)).toBe(false)
  })

  it('verifies with the lower and with the higher value of s, because GitHub does not promise one', async () => {
    const { listed, sign } = createSigner()
    const pair = readSignature(sign('[]')) as Uint8Array
    const [r, s] = [pair.subarray(0, 32), pair.subarray(32)].map((half) =>
      BigInt(`0x${Buffer.from(half).toString('hex')}`),
    ) as [bigint, bigint]
    for (const each of [s, ORDER - s])
      expect(await holds(listed.key, sequence(...integer(r), ...integer(each)), '[]')).toBe(true)
  })

  it('never verifies with r or s out of range', async () => {
    const { listed } = createSigner()
    for (const value of [ORDER, ORDER + 1n, 2n ** 256n - 1n])
      for (const text of [sequence(...integer(value), ...one), sequence(...one, ...integer(value))])
        expect(await holds(listed.key, text, '[]')).toBe(false)
  })
})

describe('DER', () => {
  it('of random signatures is read as OpenSSL reads it', async () => {
    const { listed, sign } = createSigner()
    const key = { key: createPublicKey(listed.key), dsaEncoding: 'ieee-p1363' } as const
    for (let i = 0; i < 300; i++) {
      const pair = readSignature(sign(`${i}`)) as Uint8Array
      expect(verify('sha256', bytesOf(`${i}`), key, pair)).toBe(true)
    }
  })

  it('of small integers is padded to 32 bytes', () => {
    const pair = readSignature(sequence(...integer(1n), ...integer(0x80n))) as Uint8Array
    expect([pair.length, pair[31], pair[63]]).toEqual([64, 1, 0x80])
    expect(pair.reduce((sum, byte) => sum + byte, 0)).toBe(0x81)
  })

  it.each([
    ['nothing', ''],
    ['an empty sequence', sequence()],
    ['one integer', sequence(...one)],
    ['three integers', sequence(...one, ...one, ...one)],
    ['trailing bytes', Buffer.from([0x30, 6, ...one, ...one, 0]).toString('base64')],
    ['trailing bytes in the sequence', sequence(...one, ...one, 0)],
    ['a length that is too short', Buffer.from([0x30, 5, ...one, ...one]).toString('base64')],
    ['a length in long form', Buffer.from([0x30, 0x81, 6, ...one, ...one]).toString('base64')],
    ['an indefinite length', Buffer.from([0x30, 0x80, ...one, ...one, 0, 0]).toString('base64')],
    ['a set', Buffer.from([0x31, 6, ...one, ...one]).toString('base64')],
    ['an octet string', sequence(0x04, 1, 1, ...one)],
    ['r of zero', sequence(...integer([0]), ...one)],
    ['s of zero', sequence(...one, ...integer([0]))],
    ['a negative r', sequence(...integer([0x80]), ...one)],
    ['a negative s', sequence(...one, ...integer([0xff]))],
    ['a needless zero', sequence(...integer([0, 1]), ...one)],
    ['two leading zeros', sequence(...integer([0, 0, 0x80]), ...one)],
    ['an empty integer', sequence(...integer([]), ...one)],
    ['an integer of 33 bytes', sequence(...integer([1, ...new Array(32).fill(0)]), ...one)],
    ['an integer beyond the end', sequence(0x02, 0x40, 1, ...one)],
    ['r and s without DER', Buffer.alloc(64, 1).toString('base64')],
    ['no padding', PADDED.replace(/=+$/, '')],
    ['base64url', sequence(...integer(0x7bn), ...integer(2n ** 255n - 1n)).replaceAll('/', '_')],
    ['a space', ` ${sequence(...one, ...one)}`],
    ['a line break', `${sequence(...one, ...one)}\n`],
    ['two headers', `${sequence(...one, ...one)}, ${sequence(...one, ...one)}`],
    ['a long text', 'A'.repeat(100_000)],
  ])('with %s is refused', (_, text) => {
    expect(readSignature(text)).toBeUndefined()
  })

  it('has one text: unused bits of the last character must be zero', () => {
    expect(readSignature(PADDED)).toBeDefined()
    const changed = PADDED.replace(/.(?==+$)/, (last) =>
      String.fromCharCode(last.charCodeAt(0) + 1),
    )
    expect(Buffer.from(changed, 'base64')).toEqual(Buffer.from(PADDED, 'base64'))
    expect(readSignature(changed)).toBeUndefined()
  })
})

describe('a public key', () => {
  it.each([
    ['of another curve', createSigner('x', 'P-384').listed.key],
    ['with another label', createSigner().listed.key.replaceAll('PUBLIC', 'PRIVATE')],
    ['twice', createSigner().listed.key.repeat(2)],
    ['without a key', '-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n'],
    ['that is no point', createSigner().listed.key.replace(/\n.{10}/g, '\nAAAAAAAAAA')],
  ])('%s is refused', async (_, pem) => {
    expect(await readPublicKey(pem)).toBeUndefined()
  })
})
