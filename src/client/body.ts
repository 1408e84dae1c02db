// Bodies of requests, and which of them can be sent again.

/** A body of `fetch`. */
export type Body = NonNullable<RequestInit['body']>

/** The body of a request that may be sent several times. */
export interface KeptBody {
  /** False if the body is a stream. */
  readonly isRepeatable: boolean
  /** Whether `next` has a body, or no body is needed. */
  canRepeat(): boolean | Promise<boolean>
  /** The body for the next sending. Undefined for none. */
  next(): Body | undefined
}

const MAX_RECORDED_BYTES = 1024 * 1024
const MAX_WAIT_MILLISECONDS = 1000
const REPEATABLE = /^\[object (?:ArrayBuffer|Blob|File|FormData|URLSearchParams)\]$/

/**
 * Whether a body can be read several times: no body, text, bytes, a Blob or a form. The package
 * form-data calls its streams FormData too, but they have a `pipe`.
 */
export function isRepeatable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    (REPEATABLE.test(Object.prototype.toString.call(body)) && !('pipe' in (body as object)))
  )
}

/** Keeps a body of `fetch`. Copies what the caller could change, as `fetch` does when it is called. */
export function keepBody(body: Body | null | undefined): KeptBody {
  if (!isRepeatable(body)) return keepStream(body as Body)
  const copy = body === undefined || body === null ? undefined : copyOf(body)
  return { isRepeatable: true, canRepeat: () => true, next: () => copy }
}

function keepStream(stream: Body): KeptBody {
  let given: Body | undefined = stream
  return {
    isRepeatable: false,
    canRepeat: () => given !== undefined,
    next() {
      const next = given
      given = undefined
      return next
    },
  }
}

/**
 * Keeps the body of a Request, which is a stream even if it was made from a text. Reads a clone of it
 * while it is sent. At most 1 MiB is kept.
 *
 * @returns The body to send again. The first time, the Request itself is sent.
 */
export function recordBody(request: Request): KeptBody {
  let recorded: Uint8Array<ArrayBuffer> | undefined
  const recording = record(request.clone()).then((bytes) => {
    recorded = bytes
  })
  return {
    isRepeatable: false,
    async canRepeat() {
      await inTime(recording)
      return recorded !== undefined
    },
    next: () => recorded,
  }
}

// The answer may come before the end of the body.
async function inTime(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MAX_WAIT_MILLISECONDS)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

async function record(copy: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = copy.body?.getReader()
  const parts: Uint8Array[] = []
  try {
    for (let length = 0; reader !== undefined; ) {
      const { done, value } = await reader.read()
      if (done)
        return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer())
      length += value.length
      if (length > MAX_RECORDED_BYTES) {
        // Not awaited: half of a clone is canceled only when the other half has ended.
        reader.cancel().catch(() => {})
        break
      }
      parts.push(value)
    }
  } catch {
    // Sending the Request itself reports the error.
  }
  return undefined
}

function copyOf(body: Body): Body {
  if (body instanceof URLSearchParams) return new URLSearchParams(body)
  if (body instanceof ArrayBuffer) return body.slice(0)
  if (ArrayBuffer.isView(body))
    return new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice()
  if (!(body instanceof FormData)) return body
  const copy = new FormData()
  for (const [name, value] of body) {
    if (typeof value === 'string') copy.append(name, value)
    else copy.append(name, value, value.name)
  }
  return copy
}
