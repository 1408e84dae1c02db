import type { Credential } from '../core/decision/route-requirement.ts'
import { MAX_SECRET_LENGTH, MAX_TOKEN_LENGTH } from '../core/model/checks.ts'
import { REFUSALS, type Refusal } from '../core/model/refusal.ts'

// How credentials stand in fields. A comma means that there were two fields: some servers join them
// before anyone can look, so a list and two fields are refused alike everywhere. Lengths are
// checked before any expression is tried.

const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/
const VISIBLE = /^[\x21-\x7e]+$/
const LONGEST_FIELD = MAX_TOKEN_LENGTH + 'Bearer '.length

/**
 * Undefined where a field is absent; a refusal where it cannot be one credential of any scheme;
 * else what it holds.
 */
function readField(field: string | undefined): string | Refusal | undefined {
  if (field === undefined) return undefined
  if (field === '') return REFUSALS.credentialMalformed
  return field.length > LONGEST_FIELD ? REFUSALS.credentialInvalid : field
}

/**
 * The credential of an `Authorization` field with the scheme Bearer. The scheme is told without
 * regard to case, and followed by a token68.
 *
 * @returns The credential; undefined where there is no field, or one of another scheme; a refusal
 *   where it cannot be read.
 * @see RFC 6750 section 2.1, RFC 9110 section 11
 */
export function readBearer(
  field: string | undefined,
  kinds: Credential['kinds'],
): Credential | Refusal | undefined {
  // As nearly all are written. The characters are left to whoever does not know the text already: a
  // token is long.
  if (
    field?.startsWith('Bearer ') &&
    field.length <= LONGEST_FIELD &&
    field.charCodeAt('Bearer '.length) !== 0x20 &&
    !field.includes(',')
  ) {
    return {
      text: field.slice('Bearer '.length),
      form: TOKEN68,
      kinds,
      inAuthorizationHeader: true,
    }
  }
  if (field?.includes(','))
    return /(?:^|,)\s*bearer(?:\s|,|$)/i.test(field) ? REFUSALS.credentialAmbiguous : undefined
  // The scheme first: a field of another one is not ours to read, whatever its length.
  if (field !== undefined && field !== '' && !/^bearer(?: |$)/i.test(field)) return undefined
  const text = readField(field)
  if (typeof text !== 'string') return text
  let start = 'Bearer'.length
  while (text.charCodeAt(start) === 0x20) start++
  const value = text.slice(start)
  return TOKEN68.test(value)
    ? { text: value, kinds, inAuthorizationHeader: true }
    : REFUSALS.credentialMalformed
}

/**
 * A secret that is the whole value of a field: opaque, visible ASCII.
 *
 * @param inAuthorizationHeader Whether the field is `Authorization`.
 * @returns The credential; undefined where there is no field; a refusal where it cannot be read.
 */
export function readWhole(
  field: string | undefined,
  inAuthorizationHeader: boolean,
): Credential | Refusal | undefined {
  const text = readField(field)
  if (typeof text !== 'string') return text
  if (text.includes(',')) return REFUSALS.credentialAmbiguous
  // A field may be longer by the name of a scheme, which stands in none of these.
  if (text.length > MAX_TOKEN_LENGTH) return REFUSALS.credentialInvalid
  if (text.length <= MAX_SECRET_LENGTH && !VISIBLE.test(text)) return REFUSALS.credentialMalformed
  return { text, kinds: 'secret', inAuthorizationHeader }
}
