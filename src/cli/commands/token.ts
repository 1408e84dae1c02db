import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { decodeJwt } from 'jose/jwt/decode'
import { hasValidChecksum } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { jsonText } from '../io.ts'
import { clockTime, fromNow, writeJson } from '../show.ts'
import { usageError } from '../usage-error.ts'

const INVALID = 1
const TIMES = ['iat', 'nbf', 'exp']

/** Shows and verifies a token. */
export const TOKEN: Command = {
  words: 'token',
  summary: 'Shows the claims of a token, and verifies it. Reads standard input without an argument',
  argument: { name: 'TOKEN', isOptional: true },
  flags: [{ name: 'no-verify', help: 'Only show the claims. Needs no configuration' }],
  examples: ['pbpaste | twinkey token', 'twinkey token --no-verify < token.txt'],
  async run(call) {
    const { given, argument = '-', io } = call
    const token = (argument === '-' ? await io.read('-') : argument).trim()
    const { header, claims } = decode(token)
    const verified = given.has('no-verify') ? undefined : await verify(call, token)
    if (call.isJson) writeJson(call, { header, claims, ...verified })
    else {
      const now = given.has('no-verify') ? io.now() : (await call.twinkey()).now()
      io.out.write(`${textOf({ ...header, ...claims }, now)}\n`)
      io.out.write(`${sentenceOf(verified)}\n`)
    }
    return verified?.valid === false ? INVALID : undefined
  },
}

function decode(token: string) {
  if (hasValidChecksum(token))
    throw usageError('This is a secret, not a token. `twinkey keys get ID` shows its key.')
  try {
    return {
      header: decodeProtectedHeader(token) as Record<string, unknown>,
      claims: decodeJwt(token) as Record<string, unknown>,
    }
  } catch {
    throw usageError('This is not a token. Give the `access_token` of an exchange.')
  }
}

interface Verification {
  readonly valid: boolean
  readonly keyId?: string
  readonly refusal?: { readonly code: string; readonly detail: string }
}

// From here, the address of its next request is not known.
async function verify(call: Call, token: string): Promise<Verification> {
  const twinkey = await call.twinkey()
  const found = await twinkey.tokens.verify(token, { networks: 'not checked here' })
  if (found.ok) return { valid: true, keyId: found.key.id }
  const { code, detail } = found.refusal
  return { valid: false, refusal: { code, detail } }
}

function sentenceOf(verified: Verification | undefined): string {
  if (verified === undefined) return 'Not verified: anyone can write such claims.'
  if (verified.valid) return `The token is valid, and key ${verified.keyId} is active.`
  return `The token is NOT valid (${verified.refusal?.code}): anyone can write such claims.`
}

function textOf(claims: Record<string, unknown>, now: number): string {
  const lines = Object.entries(claims).map(([name, value]) => {
    const text =
      TIMES.includes(name) && typeof value === 'number' && Math.abs(value) < 8.64e12
        ? `${clockTime(value * 1000)} (${fromNow(value * 1000, now)})`
        : jsonText(value)
    // A name with a line break could fake the sentence below the claims.
    return `  ${jsonText(name).slice(1, -1).padEnd(12)} ${text}`
  })
  return lines.join('\n')
}
