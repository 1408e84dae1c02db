/**
 * Copies a string into memory of its own. A substring keeps the whole text alive: for a key id or
 * the header of a token, that would be a request header with the secret or token in it.
 */
export function detachString(text: string): string {
  return Array.from(text).join('')
}
