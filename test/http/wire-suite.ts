import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '../support/clock.ts'
import type { RawRequest, RawResponse } from '../support/raw-http.ts'
import { type Application, allHosts, type Host, type hosts, sendTo } from './hosts.ts'

/** The headers that every row compares, and the exact body. A null header must be absent. */
export interface Answer {
  readonly status: number
  readonly type: string | null
  readonly challenge: string | null
  readonly cache: string | null
  readonly retryAfter: string | null
  readonly body: string
}

/** One request under a vendor's convention, and the answer that it must get on every host. */
export interface WireRow<F> {
  /** Stable: guides refer to it. */
  readonly name: string
  readonly request: (fixture: F) => RawRequest
  readonly expected: Answer
  /** Milliseconds after the start at which the request is made. */
  readonly at?: number
}

/** What every fixture of a table has. */
export interface WireFixture {
  readonly twinkey: Parameters<(typeof hosts)[string]>[0]
  readonly clock: Clock
}

/** The answer of a handler. */
export function handled(body: object, cache: 'no-store' | null): Answer {
  return {
    status: 200,
    type: 'application/json; charset=utf-8',
    challenge: null,
    cache,
    retryAfter: null,
    body: JSON.stringify(body),
  }
}

/** An answer that Twinkey writes itself. */
export function written(status: number, body: string, more: Partial<Answer> = {}): Answer {
  return {
    status,
    type: 'application/json',
    challenge: null,
    cache: 'no-store',
    retryAfter: null,
    body,
    ...more,
  }
}

// Handlers of the test application name a charset, and Twinkey does not.
function isOurs({ type }: Answer): boolean {
  return type === 'application/json' || type === 'application/problem+json'
}

/**
 * A response in the form that a row expects. A token differs each time, so its content is shown.
 */
export function seen({ status, headers, body }: RawResponse): Answer {
  const text = body.replace(/eyJ[\w-]+\.([\w-]+)\.[\w-]+/g, (_, payload: string) => {
    const { tenants, exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return `<token for ${tenants}, ${exp - iat} s>`
  })
  return {
    status,
    type: headers['content-type'] ?? null,
    challenge: headers['www-authenticate'] ?? null,
    cache: headers['cache-control'] ?? null,
    retryAfter: headers['retry-after'] ?? null,
    body: text,
  }
}

/**
 * Runs a table on every host. Each row is sent twice: the first answer may come from the store, the
 * second from the cache.
 */
export function runTable<F extends WireFixture>(
  title: string,
  rows: readonly WireRow<F>[],
  create: () => Promise<F>,
  applicationOf: (fixture: F) => Application,
): void {
  describe.each(Object.entries(allHosts))(`${title} on %s`, (_host, start) => {
    let fixture: F
    let host: Host

    beforeAll(async () => {
      fixture = await create()
      host = await start(fixture.twinkey, applicationOf(fixture))
    })
    afterAll(async () => {
      await host.close()
      await fixture.twinkey.close()
    })

    test.each(rows)('$name', async ({ request, expected, at = 0 }) => {
      fixture.clock.advance(at)
      try {
        for (const _ of ['cold', 'warm']) {
          const answer = await sendTo(host, request(fixture))
          expect(seen(answer)).toEqual(expected)
          expect(answer.headers['x-content-type-options']).toBe(
            isOurs(expected) ? 'nosniff' : undefined,
          )
        }
      } finally {
        fixture.clock.advance(-at)
      }
    })
  })
}
