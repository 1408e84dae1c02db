import { connect } from 'node:net'

/** A request exactly as sent over the socket, without normalising, joining or escaping. */
export interface RawRequest {
  readonly method?: string
  /** The request target. */
  readonly target: string
  /** Names and values in the order of sending. A name may occur twice. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string | undefined
}

/**
 * A response as received from the socket. Header names are lower-case. A repeated header is joined
 * by ", ".
 */
export interface RawResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends one request on its own connection and reads the answer until the server closes it. */
export function sendRaw(
  port: number,
  { method = 'GET', target, headers = [], body }: RawRequest,
): Promise<RawResponse> {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(headers.some(([name]) => name.toLowerCase() === 'host') ? [] : ['Host: localhost']),
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ]
  return exchange(port, Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1'), method)
}

function exchange(port: number, bytes: Buffer, method: string): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      try {
        resolve(parse(Buffer.concat(chunks), method))
      } catch (error) {
        reject(error)
      }
    })
  })
}

function parse(bytes: Buffer, method: string): RawResponse {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) throw new Error(`not an HTTP response: ${bytes.toString('latin1').slice(0, 200)}`)
  const [statusLine = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const split = field.indexOf(':')
    const name = field.slice(0, split).toLowerCase()
    const value = field.slice(split + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  const rest = bytes.subarray(end + 4)
  const body = headers['transfer-encoding'] === 'chunked' ? unchunk(rest) : rest
  const announced = headers['content-length']
  if (announced !== undefined && method !== 'HEAD' && Number(announced) !== body.length)
    throw new Error('the response was cut short')
  return { status: Number(statusLine.split(' ')[1]), headers, body: body.toString('utf8') }
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    if (!(size > 0)) return Buffer.concat(parts)
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
