import { digestUnder, type Pepper } from '../secrets/digest.ts'
import { ALGORITHM_PROBLEM, type ImportedSecretFormat } from '../secrets/imported-secrets.ts'
import { prefixProblem } from '../secrets/secret.ts'
import { isPlainObject, MAX_SECRET_LENGTH } from './checks.ts'
import { copyList, copyMembers } from './copy.ts'
import { requireMembers, requireNumber } from './options-checks.ts'

// Checks of the options about secrets: prefixes, pepper and imported secrets. Each throws a
// TypeError or RangeError that says what to do instead.

const PEPPER_NAME = /^[A-Za-z0-9_-]{1,32}$/
const MIN_PEPPER_BYTES = 32
const MIN_IMPORTED_LENGTH = 16

/** Checks `prefixes`. Returns a copy without duplicates. */
export function prefixesOf(given: unknown): readonly string[] {
  const prefixes = copyList(given)
  if (!Array.isArray(prefixes) || prefixes.length === 0)
    throw new TypeError('prefixes must be a list with at least one prefix, like ["acme"].')
  for (const prefix of prefixes) {
    if (prefixProblem(prefix) !== undefined)
      throw new RangeError(`prefixes: each ${prefixProblem(prefix)}.`)
  }
  return [...new Set<string>(prefixes)]
}

/** Checks `pepper`. Copies the bytes, because the application may change them later. */
export function pepperOf(given: Pepper): Pepper {
  const { current, keys: named } = requireMembers(given, ['current', 'keys'], 'pepper')
  const keys = copyMembers(named)
  if (
    !isPlainObject(keys) ||
    (current !== null && !(typeof current === 'string' && Object.hasOwn(keys, current)))
  ) {
    throw new TypeError(
      'pepper must be { current, keys }, and current must be the name of one of the keys, like { current: "2026a", keys: { "2026a": bytes } }.',
    )
  }
  const copied: [string, Uint8Array][] = []
  for (const [name, bytes] of Object.entries(keys)) {
    if (!PEPPER_NAME.test(name))
      throw new RangeError('pepper.keys: a name must have 1 to 32 letters, digits, "_" and "-".')
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `pepper.keys.${name} must be a Uint8Array. Decode a string first, for example with Buffer.from(text, "base64").`,
      )
    }
    const copy = new Uint8Array(bytes)
    if (copy.length < MIN_PEPPER_BYTES)
      throw new RangeError(
        `pepper.keys.${name} must have at least ${MIN_PEPPER_BYTES} bytes. Use random bytes.`,
      )
    copied.push([name, copy])
  }
  return { current, keys: Object.fromEntries(copied) }
}

/** Checks `importedSecrets`. */
export function importedSecretsOf(
  given: readonly ImportedSecretFormat[],
  pepper: Pepper | undefined,
): readonly ImportedSecretFormat[] {
  const list = copyList(given)
  if (!Array.isArray(list))
    throw new TypeError(
      "importedSecrets must be a list, like [{ algorithm: 'sha-256', minLength: 40, maxLength: 64 }].",
    )
  const formats = list.map((each: ImportedSecretFormat, index) =>
    formatOf(each, `importedSecrets[${index}]`, pepper),
  )
  requireOneName(formats, pepper)
  return formats
}

function formatOf(
  given: ImportedSecretFormat,
  where: string,
  pepper: Pepper | undefined,
): ImportedSecretFormat {
  const format = requireMembers(given, ['algorithm', 'pepper', 'minLength', 'maxLength'], where)
  const { algorithm, pepper: name, minLength, maxLength } = format
  if (algorithm !== 'sha-256' && algorithm !== 'hmac-sha-256')
    throw new TypeError(`${where}.algorithm ${ALGORITHM_PROBLEM}.`)
  const isNamed =
    typeof name === 'string' && pepper !== undefined && Object.hasOwn(pepper.keys, name)
  if (algorithm === 'hmac-sha-256' ? !isNamed : name !== undefined) {
    throw new TypeError(
      `${where}.pepper must name one of pepper.keys with 'hmac-sha-256', and be left out with 'sha-256'.`,
    )
  }
  const requireLength = (length: unknown, min: number, what: string) =>
    requireNumber(length, undefined, min, MAX_SECRET_LENGTH, what, Number.isInteger)
  requireLength(minLength, MIN_IMPORTED_LENGTH, `${where}.minLength`)
  requireLength(maxLength, minLength, `${where}.maxLength`)
  return Object.freeze(format)
}

// Compares digests instead of key bytes, because HMAC treats a key and the same key padded with
// zeros alike.
function requireOneName(
  formats: readonly ImportedSecretFormat[],
  pepper: Pepper | undefined,
): void {
  const digests = formats.map(({ pepper: name }) =>
    digestUnder(name, '', pepper)?.split(':').at(-1),
  )
  digests.forEach((digest, index) => {
    const first = digests.indexOf(digest)
    if (formats[first]?.pepper === formats[index]?.pepper) return
    throw new TypeError(
      `importedSecrets[${index}].pepper is the same key as importedSecrets[${first}].pepper under another name. Use one name for both.`,
    )
  })
}
