import { isPlainObject } from '../../core/model/checks.ts'
import type { BodySource } from '../../http/body.ts'
import { shownText } from './shown-text.ts'

/** Where a credential was found. Texts are those of the report, without credentials. */
export interface LeakPlace {
  /** The name of the pattern that found it. */
  readonly type: string
  /** The URL; empty if the programme does not tell. */
  readonly url: string
  /** The kind of the place, like `commit`, `gist_content` or `npm`; empty if unknown. */
  readonly source: string
}

/** A credential of a report, with every place where it was found. */
export interface ReportedCredential {
  readonly token: string
  readonly places: readonly LeakPlace[]
}

/** One match of a report. Only `token` has the credential. */
export interface Match extends LeakPlace {
  readonly token: string
}

/** The most matches in one report. */
const MAX_MATCHES = 10_000
const MAX_SHOWN = 2048
const MAX_TYPE = 256

/**
 * Returns the bytes of a body as they were sent. Undefined if a body parser has made something else
 * of them: then a signature cannot be verified.
 */
export function rawBytes(source: BodySource): Uint8Array | undefined {
  if ('bytes' in source) return source.bytes
  const { parsed } = source
  if (typeof parsed === 'string') return new TextEncoder().encode(parsed)
  return parsed instanceof Uint8Array ? parsed : undefined
}

/** Reads the matches of a report. Undefined if it is not a list of at most 10,000 matches. */
export function readReport(bytes: Uint8Array): readonly Match[] | undefined {
  const list = parseJson(bytes)
  if (!Array.isArray(list) || list.length > MAX_MATCHES) return undefined
  const matches: Match[] = []
  for (const each of list) {
    const match = matchOf(each)
    if (match === undefined) return undefined
    matches.push(match)
  }
  return matches
}

/** Groups the matches by credential. */
export function groupMatches(matches: readonly Match[]): ReportedCredential[] {
  const places = new Map<string, LeakPlace[]>()
  for (const { token, type, url, source } of matches) {
    const found = places.get(token) ?? []
    if (found.length === 0) places.set(token, found)
    found.push(Object.freeze({ type, url, source }))
  }
  return Array.from(places, ([token, found]) => ({ token, places: Object.freeze(found) }))
}

function matchOf(value: unknown): Match | undefined {
  if (!isPlainObject(value)) return undefined
  const { token, type, url = '', source = '' } = value
  if (typeof token !== 'string' || typeof type !== 'string' || type.length > MAX_TYPE)
    return undefined
  const shown = (text: unknown) =>
    typeof text === 'string' ? shownText(text, token, MAX_SHOWN) : ''
  return {
    token,
    // The answer to the programme repeats it.
    type: shownText(type, token, MAX_TYPE),
    url: shown(url),
    source: shown(source),
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
