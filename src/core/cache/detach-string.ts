/**
 * Copies a string into memory of its own. A substring keeps the whole text alive: for a key id that
 * would be a header, and the secret in it.
 */
export function detachString(text: string): string {
  return Array.from(text).join('')
}
