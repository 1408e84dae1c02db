import * as base64url from 'jose/base64url'
import { TwinkeyError } from '../model/error.ts'
import { digestOf } from '../secrets/digest.ts'
import { isPosition } from '../store/paging.ts'
import type { Position } from '../store/store.ts'

/**
 * Writes a cursor: a position, further numbers, and the query to which it belongs. It holds no
 * right: a query with it sees what the same query without it sees.
 */
export function writeCursor(query: unknown, { at, id }: Position, ...more: number[]): string {
  return base64url.encode(JSON.stringify([seal(query), at, id, ...more]))
}

/**
 * Reads a cursor that {@link writeCursor} wrote for the same query.
 *
 * @throws `invalid_input` for any other text.
 */
export function readCursor(
  query: unknown,
  cursor: string,
): { readonly position: Position; readonly more: readonly number[] } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(cursor))
    const [sealed, at, id, ...more] = JSON.parse(text) as unknown[]
    const position = { at, id }
    if (sealed === seal(query) && isPosition(position) && more.every(Number.isSafeInteger))
      return { position, more: more as number[] }
  } catch {
    // Not a cursor, as below.
  }
  throw new TwinkeyError(
    'invalid_input',
    'cursor must be the `nextCursor` of a page with the same other members.',
  )
}

function seal(query: unknown): string {
  return digestOf(JSON.stringify(query)).slice(0, 8)
}
