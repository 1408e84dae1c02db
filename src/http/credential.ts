import type { Credential } from '../core/decision/route-requirement.ts'
import { MAX_SECRET_LENGTH, MAX_TOKEN_LENGTH } from '../core/model/checks.ts'
import { REFUSALS, type Refusal } from '../core/model/refusal.ts'

// Some servers join repeated fields with a comma, so a list and two fields are refused alike.
// Lengths are checked before any regular expression runs.

const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/
const VISIBLE = /^[\x21-\x7e]+$/
const LONGEST_FIELD = MAX_TOKEN_LENGTH + 'Bearer '.length

/** Returns the field; undefined if it is absent; a refusal if it is empty or too long. */
function readField(field: string | undefined): string | Refusal | undefined {
  if (field === undefined) return undefined
  if (field === '') return REFUSALS.credentialMalformed
  return field.length > LONGEST_FIELD ? REFUSALS.credentialInvalid : field
}

/**
 * Reads the credential of an `Authorization` field with the scheme Bearer, in any case, followed by
 * a token68.
 *
 * @returns The credential; undefined without a field or with another scheme; a refusal if the
 *   credential cannot be read.
 * @see RFC 6750 section 2.1, RFC 9110 section 11
 */
export function readBearer(
  field: string | undefined,
  kinds: Credential['kinds'],
): Credential | Refusal | undefined {
  // The common spelling. The check of the characters is left to `form`, because tokens are long and
  // a recognised credential skips it.
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
  // The scheme comes first: a field with another scheme is ignored at any length.
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

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * Decodes an `Authorization` field with the scheme Basic, in any case. The pair may lack its colon,
 * and its characters stand for bytes.
 *
 * @returns User and password as they were sent; undefined without a field or with another scheme; a
 *   refusal if the field cannot be decoded.
 * @see RFC 7617
 */
export function readBasicPair(field: string | undefined): string | Refusal | undefined {
  if (field === undefined || !/^basic(?: |$)/i.test(field)) return undefined
  if (field.includes(',')) return REFUSALS.credentialAmbiguous
  const encoded = field.slice('Basic'.length).trim()
  return BASE64.test(encoded) ? atob(encoded) : REFUSALS.credentialMalformed
}

/**
 * Returns the one credential that the readers of a profile have found. Refuses several as ambiguous,
 * even if they are equal, and none as missing.
 *
 * @param found What each place holds, in the order of `readBearer` and `readWhole` calls.
 */
export function onlyCredential(
  ...found: readonly (Credential | Refusal | undefined)[]
): Credential | Refusal {
  let only: Credential | Refusal | undefined
  for (const each of found) {
    if (each === undefined) continue
    if (only !== undefined) return REFUSALS.credentialAmbiguous
    only = each
  }
  return only ?? REFUSALS.credentialMissing
}

/**
 * Reads a secret that is the whole value of a field: opaque, visible ASCII.
 *
 * @param inAuthorizationHeader Whether the field is `Authorization`.
 * @returns The credential; undefined without a field; a refusal if it cannot be read.
 */
export function readWhole(
  field: string | undefined,
  inAuthorizationHeader: boolean,
): Credential | Refusal | undefined {
  const text = readField(field)
  if (typeof text !== 'string') return text
  if (text.includes(',')) return REFUSALS.credentialAmbiguous
  // `readField` allows for the name of a scheme, which this value does not have.
  if (text.length > MAX_TOKEN_LENGTH) return REFUSALS.credentialInvalid
  if (text.length <= MAX_SECRET_LENGTH && !VISIBLE.test(text)) return REFUSALS.credentialMalformed
  return { text, kinds: 'secret', inAuthorizationHeader }
}
