const REMOVED = '[credential]'
// No shorter text is a secret or a token.
const MIN_CREDENTIAL = 16
// No name in a place is longer than this, but every secret is.
const MAX_WORD = 64
const WORD = /[0-9A-Za-z]+/g
// Every credential is visible ASCII, so no other escapes matter.
const IN_URL = /%[0-7][0-9A-Fa-f]/g
const IN_HTML = /&(?:amp|lt|gt|quot|apos|#[0-9]+|#[Xx][0-9A-Fa-f]+);/g
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
// A URL in a parameter of a URL is encoded twice.
const MAX_DECODINGS = 3

/**
 * A text of a report as operators get it in mails and logs: without the credential, its
 * percent-encoded form and its form in HTML, and without control characters.
 */
export function shownText(text: string, credential: string, maxLength: number): string {
  // Cut last: half of a credential would not be recognised.
  return withoutCredential(text, credential)
    .replace(WORD, (word) => (word.length > MAX_WORD ? REMOVED : word))
    .slice(0, maxLength)
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
}

function withoutCredential(text: string, credential: string): string {
  if (credential.length < MIN_CREDENTIAL) return text
  // A URL parser does not encode the percent signs of a credential.
  return withoutForms(text, [credential, decodeUrl(credential)], MAX_DECODINGS)
}

function withoutForms(text: string, forms: readonly string[], decodings: number): string {
  let shown = text
  for (const form of forms) shown = shown.replaceAll(form, REMOVED)
  if (decodings === 0) return shown
  for (const decode of [decodeUrl, decodeHtml]) {
    const decoded = decode(shown)
    if (decoded === shown) continue
    const removed = withoutForms(decoded, forms, decodings - 1)
    // Shown decoded: the encoded form can mix escapes and characters in many ways.
    if (removed !== decoded) shown = removed
  }
  return shown
}

function decodeUrl(text: string): string {
  return text.replace(IN_URL, (found) => String.fromCharCode(Number(`0x${found.slice(1)}`)))
}

function decodeHtml(text: string): string {
  return text.replace(IN_HTML, (entity) => {
    const name = entity.slice(1, -1)
    return NAMED[name] ?? String.fromCharCode(Number(name.slice(1).replace(/^x/i, '0x')))
  })
}
