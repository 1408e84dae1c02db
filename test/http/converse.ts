import { connect, type Socket } from 'node:net'

/** Bytes to send on a connection after the earlier answers have arrived. */
export interface Said {
  /** As it goes over the socket, one byte for each character. */
  readonly bytes: string
  /** How many answers to wait for. Default: 1. An interim answer, like 100, counts. */
  readonly answers?: number
  /** Whether the answers have no body, because the method is HEAD. */
  readonly head?: boolean
}

/** An answer as it came over the socket. Header names are lower-case. */
export interface Heard {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Talks on one connection, which only the server closes.
 *
 * @returns The answers in order of arrival: fewer than expected if the server closed the
 *   connection.
 */
export async function converse(port: number, said: readonly Said[]): Promise<Heard[]> {
  const socket = connect({ port, host: '127.0.0.1' })
  const heard: Heard[] = []
  let pending = Buffer.alloc(0)
  let ended = false
  let wake = () => {}
  const ends = () => {
    ended = true
    wake()
  }
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    wake()
  })
  // A server that closes while more is being sent resets the connection. Earlier answers count.
  socket.on('error', ends).on('close', ends).on('end', ends)
  socket.setTimeout(10_000, () => socket.destroy())
  try {
    for (const { bytes, answers = 1, head = false } of said) {
      write(socket, bytes)
      for (let wanted = heard.length + answers; heard.length < wanted; ) {
        const found = take(pending, head, ended)
        if (found !== undefined) {
          heard.push(found.heard)
          pending = pending.subarray(found.length)
        } else if (ended) return heard
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    return heard
  } finally {
    socket.destroy()
  }
}

function write(socket: Socket, bytes: string): void {
  socket.write(Buffer.from(bytes, 'latin1'))
}

function take(
  bytes: Buffer,
  head: boolean,
  ended: boolean,
): { heard: Heard; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const headers = Object.fromEntries(
    fields.map((field) => [
      field.slice(0, field.indexOf(':')).toLowerCase(),
      field.slice(field.indexOf(':') + 1).trim(),
    ]),
  )
  const start = end + 4
  const answer = (body: Buffer, length: number) => ({
    heard: { status, headers, body: body.toString('utf8') },
    length,
  })
  if (head || status < 200 || status === 204) return answer(Buffer.alloc(0), start)
  if (headers['transfer-encoding'] === 'chunked') {
    const last = bytes.indexOf('0\r\n\r\n', start)
    return last < 0 ? undefined : answer(unchunk(bytes.subarray(start, last)), last + 5)
  }
  const announced = headers['content-length']
  if (announced === undefined)
    return ended ? answer(bytes.subarray(start), bytes.length) : undefined
  const length = start + Number(announced)
  return bytes.length < length ? undefined : answer(bytes.subarray(start, length), length)
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
  return Buffer.concat(parts)
}
