import { createHmac } from 'node:crypto'
import type { HistoryEntry } from 'twinkey'

/**
 * A change as an event of CloudEvents 1.0, in the structured mode of its HTTP binding. Without the
 * address and the user agent of the person who made it, and without the digest of their request.
 */
export function eventOf(entry: HistoryEntry, source: string): string {
  const { id, type, at, keyId, source: _, requestDigest: __, ...data } = entry
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: `com.example.${type}`,
    subject: keyId,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data: { ...data, keyId },
  })
}

/**
 * The headers of one attempt, signed as Standard Webhooks says. The id is that of the entry, so a
 * receiver can tell a repeated event.
 *
 * @param secret `whsec_` and 24 to 64 random bytes in base64.
 */
export function headersOf(
  id: string,
  body: string,
  secret: string,
  now: number,
): Record<string, string> {
  const timestamp = Math.floor(now / 1000)
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  }
}
