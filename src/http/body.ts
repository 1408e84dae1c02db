import { isPlainObject } from '../core/model/checks.ts'
import { isRefusal, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { unlessLate } from '../core/store/timeout.ts'
import type { WireBody } from './profile.ts'
import type { WireRequest } from './request.ts'

/** What was found of a body: its bytes, or what a parser that ran before has made of them. */
export type BodySource = { readonly bytes: Uint8Array } | { readonly parsed: unknown }

// The largest body of a token request.
const MAX_BODY_BYTES = 65_536
// How long the body of a token request may take to arrive.
const BODY_DEADLINE_MILLISECONDS = 10_000
// How much is read, and for how long, of a body that nobody needs any more, so that its sender gets
// to read the answer.
const MAX_REST_BYTES = 64 * 1024 * 1024
const REST_DEADLINE_MILLISECONDS = 30_000

/**
 * The members of a token request, from JSON or a form, whichever it is: clients send the one under
 * the Content-Type of the other, or under none.
 *
 * @returns The members, undefined for an empty body, or a refusal where it is neither. What cannot
 *   be read is never taken for empty.
 */
export function readBody(source: BodySource | Refusal): WireBody | Refusal {
  if (isRefusal(source)) return source
  if ('bytes' in source) return readText(decodeUtf8(source.bytes))
  const { parsed } = source
  if (typeof parsed === 'string') return readText(parsed)
  if (parsed instanceof Uint8Array) return readText(decodeUtf8(parsed))
  if (parsed instanceof FormData) return readPairs([...parsed])
  return isPlainObject(parsed) ? readForm(parsed) : REFUSALS.bodyMalformed
}

/**
 * What is left of a body that somebody has taken away: nothing, where it is certain that there was
 * none; else it cannot be read.
 *
 * @param request The headers as they were received.
 * @param framing How bodies are announced: `'http/1'` always does it by a header, elsewhere only a
 *   length of 0 says for certain that there is none.
 */
export function unreadBody(
  request: Pick<WireRequest, 'header'>,
  framing: 'http/1' | 'other',
): BodySource | Refusal {
  const length = request.header('content-length')
  const unannounced =
    framing === 'http/1' &&
    length === undefined &&
    request.header('transfer-encoding') === undefined
  return length === '0' || unannounced ? { bytes: new Uint8Array() } : REFUSALS.requestMalformed
}

/**
 * Collects the body of a token request: at most 64 KiB, within 10 seconds. A body that breaks off
 * is refused as well. The rest of a body that is refused is read on and thrown away, so that its
 * sender gets to read the answer.
 */
export async function collectBody(
  chunks: AsyncIterable<Uint8Array>,
): Promise<BodySource | Refusal> {
  const rest = { isWanted: true }
  let reading: Promise<void> | undefined
  const collected = new Promise<BodySource | Refusal>((found) => {
    reading = collectBytes(chunks, found, rest)
  })
  const body = (await unlessLate(BODY_DEADLINE_MILLISECONDS, collected)) ?? REFUSALS.bodyLate
  if (isRefusal(body)) {
    void unlessLate(REST_DEADLINE_MILLISECONDS, reading as Promise<void>).then(() => {
      rest.isWanted = false
    })
  }
  return body
}

async function collectBytes(
  chunks: AsyncIterable<Uint8Array>,
  found: (body: BodySource | Refusal) => void,
  rest: { readonly isWanted: boolean },
): Promise<void> {
  let parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.length
      if (length <= MAX_BODY_BYTES) parts.push(chunk)
      else {
        parts = []
        found(REFUSALS.bodyMalformed)
      }
      if (length > MAX_REST_BYTES || !rest.isWanted) return
    }
  } catch {
    return found(REFUSALS.requestMalformed)
  }
  const bytes = new Uint8Array(length > MAX_BODY_BYTES ? 0 : length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  found({ bytes })
}

/**
 * Waits for the rest of a body that nobody needs: at most 64 MiB of it, and 30 seconds.
 *
 * @param listen Called once with two functions: one for the length of each chunk, one for the end.
 */
export async function waitForRest(
  listen: (take: (length: number) => void, end: () => void) => void,
): Promise<void> {
  let length = 0
  const rest = new Promise<void>((end) => {
    listen((more) => {
      length += more
      if (length > MAX_REST_BYTES) end()
    }, end)
  })
  await unlessLate(REST_DEADLINE_MILLISECONDS, rest)
}

function readText(text: string | undefined): WireBody | Refusal {
  if (text === undefined || text.length > MAX_BODY_BYTES) return REFUSALS.bodyMalformed
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  if (trimmed.startsWith('{')) return parseJsonBody(trimmed)
  // The characters that a form can be made of: no line break, no blank. Anything else is not a
  // form, and is not searched for members. The name ends at the first "=" behind its beginning:
  // were any "=" its end, a body of nothing else would be read as often as it is long.
  if (!/^[!-%'-~][!-%'-<>-~]*=[!-~]*$/.test(trimmed)) return REFUSALS.bodyMalformed
  return readPairs([...new URLSearchParams(trimmed)])
}

function readPairs(pairs: readonly (readonly [string, unknown])[]): WireBody | Refusal {
  const members = Object.fromEntries(pairs)
  return Object.keys(members).length === pairs.length ? readForm(members) : REFUSALS.bodyMalformed
}

// A form parser that was given JSON leaves it as the name of a member without a value.
function readForm(members: Record<string, unknown>): WireBody | Refusal {
  const names = Object.keys(members)
  const json = names.find((name) => name.trimStart().startsWith('{'))
  if (json === undefined) return names.length === 0 ? undefined : members
  return names.length === 1 && members[json] === '' ? parseJsonBody(json) : REFUSALS.bodyMalformed
}

function parseJsonBody(text: string): WireBody | Refusal {
  try {
    const value: unknown = JSON.parse(text)
    return isPlainObject(value) ? value : REFUSALS.bodyMalformed
  } catch {
    return REFUSALS.bodyMalformed
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
