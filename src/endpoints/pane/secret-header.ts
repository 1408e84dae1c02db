import type { Profile, SecurityScheme } from '../../http/profile.ts'

/** A header that carries a secret. `{secret}` in the value stands for it. */
export interface SecretHeader {
  readonly header: string
  readonly value: string
}

/**
 * Returns the header in which callers send a secret.
 *
 * @throws TypeError if the profile names none.
 */
export function headerOf({ secretHeader, securitySchemes }: Profile): SecretHeader {
  const { name, value } = secretHeader ?? {}
  if (typeof name === 'string' && value?.includes('{secret}')) return { header: name, value }
  const [found] = Object.values(securitySchemes).flatMap(headersOf)
  if (secretHeader === undefined && found !== undefined) return found
  throw new TypeError(
    "profile must name a header that carries a secret. Add secretHeader: { name: 'Authorization', value: 'Bearer {secret}' } to it.",
  )
}

function headersOf(scheme: SecurityScheme): readonly SecretHeader[] {
  if (scheme.type === 'http') return [{ header: 'Authorization', value: 'Bearer {secret}' }]
  return scheme.in === 'header' ? [{ header: scheme.name, value: '{secret}' }] : []
}
