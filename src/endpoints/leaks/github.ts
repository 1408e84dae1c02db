import type { CryptoKey } from 'jose'
import { isRefusal } from '../../core/model/refusal.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { Endpoint, ReadBody } from '../endpoints.ts'
import { createHandling, type HandlingSettings } from './handling.ts'
import type { PublicKeys } from './public-keys.ts'
import { groupMatches, type Match, rawBytes, readReport } from './report.ts'
import type { LeakService } from './service.ts'
import { isSignedBy, readSignature } from './signature.ts'

const MAX_BODY_BYTES = 2 * 1024 * 1024
const RETRY_AFTER_SECONDS = 60
const KEY_ID = /^[0-9A-Za-z]{1,128}$/

/** The alert endpoint of GitHub's secret scanning partner programme. */
export function githubEndpoint(
  twinkey: LeakService,
  publicKeys: PublicKeys,
  settings: HandlingSettings,
): Endpoint['handle'] {
  const handle = createHandling(twinkey, settings)
  let reported: unknown

  // The bytes of a signed report, or the answer to any other request.
  async function signedBytes(
    request: WireRequest,
    body: ReadBody,
  ): Promise<Uint8Array | WireAnswer> {
    const id = request.header('github-public-key-identifier') ?? ''
    const signature = readSignature(request.header('github-public-key-signature') ?? '')
    if (signature === undefined || !KEY_ID.test(id)) return NOT_SIGNED
    let key: CryptoKey | undefined
    try {
      key = await publicKeys.find(id)
    } catch (error) {
      // Once for each attempt to load the keys: anybody can send requests.
      if (error !== reported)
        twinkey.warn('A report of leaks was not verified.', error, 'warning.leak_not_handled')
      reported = error
      return UNAVAILABLE
    }
    if (key === undefined) return NOT_SIGNED
    const source = await body(MAX_BODY_BYTES)
    if (isRefusal(source)) return NOT_SIGNED
    const bytes = rawBytes(source)
    if (bytes === undefined) throw new Error(PARSED)
    if (bytes.length > MAX_BODY_BYTES) return NOT_SIGNED
    return (await isSignedBy(key, signature, bytes)) ? bytes : NOT_SIGNED
  }

  return async (request, body) => {
    const bytes = await signedBytes(request, body)
    if (!(bytes instanceof Uint8Array)) return bytes
    const matches = readReport(bytes)
    if (matches === undefined) return MALFORMED
    const outcomes = await handle(request, groupMatches(matches))
    // GitHub can send the whole report again: credentials that ended stay ended.
    if (outcomes.size < new Set(matches.map(({ token }) => token)).size) return UNAVAILABLE
    return jsonAnswer(200, await feedbackOn(matches, outcomes))
  }
}

async function feedbackOn(matches: readonly Match[], found: ReadonlyMap<string, boolean>) {
  return Promise.all(
    matches.map(async ({ token, type }) => ({
      token_hash: await sha256Hex(token),
      token_type: type,
      label: found.get(token) ? 'true_positive' : 'false_positive',
    })),
  )
}

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const PARSED =
  'leakEndpoints: a body parser has read the report, so its signature cannot be verified. Mount leakEndpoints before express.json() and other body parsers.'

function problem(status: number, title: string, code: string, detail: string): WireAnswer {
  return jsonAnswer(
    status,
    { type: 'about:blank', title, status, detail, code },
    {
      'content-type': 'application/problem+json',
      ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    },
  )
}

// The same answer for every report without a valid signature, so that it reveals nothing.
const NOT_SIGNED = problem(
  403,
  'Forbidden',
  'signature_invalid',
  'The report must be signed with a current key of the secret scanning programme, and have at most 2 MiB.',
)

const MALFORMED = problem(
  400,
  'Bad Request',
  'report_malformed',
  'The body must be a JSON list of at most 10,000 matches, each with `token` and `type`.',
)

const UNAVAILABLE = problem(
  503,
  'Service Unavailable',
  'unavailable',
  'The report could not be handled. Send it again later.',
)
