import { isPlainObject } from '../core/model/checks.ts'
import { isRefusal, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { unlessLate } from '../core/store/timeout.ts'
import type { WireBody } from './profile.ts'
import type { WireRequest } from './request.ts'

/** A body: its bytes, or the value that an earlier body parser made of them. */
export type BodySource = { readonly bytes: Uint8Array } | { readonly parsed: unknown }

// Limits for the body of a token request.
const MAX_BODY_BYTES = 65_536
// Most bodies are smaller.
const FIRST_BUFFER_BYTES = 1024
const BODY_DEADLINE_MILLISECONDS = 10_000
// Limits for reading and discarding the rest of a body, so that its sender can read the answer.
const MAX_REST_BYTES = 64 * 1024 * 1024
const REST_DEADLINE_MILLISECONDS = 30_000

/**
 * Reads the members of a token request. Detects JSON and forms by content, because clients send
 * either under the wrong Content-Type, or under none.
 *
 * @returns The members; undefined for an empty body; a refusal for anything else. An unreadable
 *   body never counts as empty.
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
 * Reads the members of a JSON object. An empty body has none.
 *
 * @returns A refusal for anything but a JSON object.
 */
export function readJson(
  source: BodySource | Refusal,
): Readonly<Record<string, unknown>> | Refusal {
  if (isRefusal(source)) return source
  const given = 'bytes' in source ? decodeUtf8(source.bytes) : source.parsed
  const parsed = given instanceof Uint8Array ? decodeUtf8(given) : given
  if (typeof parsed !== 'string') return isPlainObject(parsed) ? parsed : REFUSALS.bodyMalformed
  const text = parsed.trim()
  return text === '' ? {} : (parseJsonBody(text) ?? REFUSALS.bodyMalformed)
}

/**
 * Describes a body that was read elsewhere and is lost: empty if the headers prove that, otherwise
 * refused.
 *
 * @param request The headers as received.
 * @param framing `'http/1'` announces every body in a header. Elsewhere, only a Content-Length of 0
 *   proves that there was no body.
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
 * Collects a body within 10 seconds. Refuses a larger, later or incomplete body, then reads and
 * discards the rest, so that the sender can read the answer.
 *
 * @param maxBytes Default: 64 KiB.
 */
export async function collectBody(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = MAX_BODY_BYTES,
): Promise<BodySource | Refusal> {
  const rest = { isWanted: true }
  let reading: Promise<void> | undefined
  const collected = new Promise<BodySource | Refusal>((found) => {
    reading = collectBytes(chunks, maxBytes, found, rest)
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
  maxBytes: number,
  found: (body: BodySource | Refusal) => void,
  rest: { readonly isWanted: boolean },
): Promise<void> {
  // One buffer that grows. A list of chunks takes hundreds of bytes for each chunk of one byte.
  let bytes = new Uint8Array(Math.min(maxBytes, FIRST_BUFFER_BYTES))
  let length = 0
  try {
    for await (const chunk of chunks) {
      const at = length
      length += chunk.length
      if (length > maxBytes) {
        bytes = new Uint8Array()
        found(REFUSALS.bodyMalformed)
      } else {
        if (length > bytes.length) bytes = grown(bytes, Math.min(maxBytes, 2 * length))
        bytes.set(chunk, at)
      }
      if (length > MAX_REST_BYTES || !rest.isWanted) return
    }
  } catch {
    return found(REFUSALS.requestMalformed)
  }
  found({ bytes: bytes.slice(0, length) })
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}

/**
 * Waits for the rest of a body that is discarded: at most 64 MiB and 30 seconds.
 *
 * @param listen Called once. It must call `take` with the length of each chunk, and `end` once
 *   done.
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
  // The characters that a form may contain: no line break and no space. The name excludes "=", so
  // that matching a body of many "=" takes linear time.
  if (!/^[!-%'-~][!-%'-<>-~]*=[!-~]*$/.test(trimmed)) return REFUSALS.bodyMalformed
  return readPairs([...new URLSearchParams(trimmed)])
}

// Only `resource` may be repeated (RFC 8707, section 2). It is then a list.
function readPairs(pairs: readonly (readonly [string, unknown])[]): WireBody | Refusal {
  const resources = pairs.filter(([name]) => name === 'resource')
  const members = Object.fromEntries(pairs)
  const repeated = pairs.length - Object.keys(members).length
  if (repeated > Math.max(resources.length - 1, 0)) return REFUSALS.bodyMalformed
  return readForm(
    resources.length > 1 ? { ...members, resource: resources.map(([, value]) => value) } : members,
  )
}

// A form parser turns JSON into the name of a member without a value.
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
