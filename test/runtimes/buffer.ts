// The few uses of Node's Buffer in the tables, for runtimes without it. The package itself gets
// none, because it must not need one.

type Encoding = 'utf8' | 'latin1' | 'base64' | 'base64url'

class Bytes {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  toString(encoding: Encoding = 'utf8'): string {
    if (encoding === 'utf8') return new TextDecoder().decode(this.#bytes)
    const binary = String.fromCharCode(...this.#bytes)
    if (encoding === 'latin1') return binary
    const base64 = btoa(binary)
    return encoding === 'base64'
      ? base64
      : base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  }
}

function bytesOf(text: string, encoding: Encoding = 'utf8'): Uint8Array {
  if (encoding === 'utf8') return new TextEncoder().encode(text)
  const binary = encoding === 'latin1' ? text : atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

export const Buffer = {
  from: (text: string, encoding?: Encoding) => new Bytes(bytesOf(text, encoding)),
  byteLength: (text: string, encoding?: Encoding) => bytesOf(text, encoding).length,
}
