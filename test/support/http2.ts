import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import type { RawRequest, RawResponse } from './raw-http.ts'

const PREFACE_LENGTH = 24
const HEADERS = 1
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4
const MAX_FRAMES = 9

/**
 * Sends one request over HTTP/2 without TLS, on its own connection. Node's client does not repeat
 * fields that it treats as single. So this replaces its header frame: the fields keep their order,
 * and each gets its own frame, up to the number of frames that servers allow.
 */
export function sendHttp2(
  port: number,
  { method = 'GET', target, headers = [], body }: RawRequest,
): Promise<RawResponse> {
  const own = headers.some(([name]) => name === ':authority' || name.toLowerCase() === 'host')
  const chunked = headers.some(([name]) => name.toLowerCase() === 'transfer-encoding')
  const fields = [
    [':method', method],
    [':scheme', 'http'],
    ...(own
      ? headers.filter(([name]) => name === ':authority')
      : [[':authority', 'localhost'] as const]),
    [':path', target],
    // The caller gives no header about the framing of the body.
    ...headers.filter(
      ([name]) => name !== ':authority' && name.toLowerCase() !== 'transfer-encoding',
    ),
  ].map(([name = '', value = '']) => literal(name.toLowerCase(), value))
  const payload = chunked ? body?.split('\r\n')[1] : body

  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://localhost:${port}`, {
      createConnection: () => rewriting(port, fields),
    })
    session.on('error', reject).setTimeout(20_000, () => session.destroy(new Error('no answer')))
    const request = session.request(
      { ':method': method, ':path': '/' },
      { endStream: payload === undefined },
    )
    const answer: Record<string, string> = {}
    let status = 0
    let text = ''
    request.setEncoding('utf8')
    request.on('response', ({ ':status': code, ...rest }) => {
      status = Number(code)
      for (const [name, value] of Object.entries(rest)) answer[name] = String(value)
    })
    request.on('data', (chunk: string) => (text += chunk))
    request.on('error', reject)
    request.on('close', () => {
      session.destroy()
      resolve({ status, headers: answer, body: text })
    })
    if (payload !== undefined) request.end(Buffer.from(payload, 'latin1'))
  })
}

// A socket that replaces the headers that are written to it.
function rewriting(port: number, fields: readonly Buffer[]): Duplex {
  const socket = connect({ port, host: '127.0.0.1' })
  let pending = Buffer.alloc(0)
  let prefaced = false
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      pending = Buffer.concat([pending, chunk])
      if (!prefaced && pending.length >= PREFACE_LENGTH) {
        socket.write(pending.subarray(0, PREFACE_LENGTH))
        pending = pending.subarray(PREFACE_LENGTH)
        prefaced = true
      }
      while (prefaced && pending.length >= 9) {
        const length = 9 + pending.readUIntBE(0, 3)
        if (pending.length < length) break
        const frame = pending.subarray(0, length)
        pending = pending.subarray(length)
        socket.write(frame[3] === HEADERS ? headerFrames(frame, fields) : frame)
      }
      done()
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => duplex.push(chunk) || socket.pause())
  socket.on('end', () => duplex.push(null)).on('error', (error) => duplex.destroy(error))
  return duplex
}

function headerFrames(original: Buffer, fields: readonly Buffer[]): Buffer {
  const stream = original.readUInt32BE(5)
  const blocks = [
    ...fields.slice(0, MAX_FRAMES - 1),
    Buffer.concat(fields.slice(MAX_FRAMES - 1)),
  ].filter(({ length }) => length > 0)
  return Buffer.concat(
    blocks.map((block, i) => {
      const head = Buffer.alloc(9)
      head.writeUIntBE(block.length, 0, 3)
      head[3] = i === 0 ? HEADERS : CONTINUATION
      head[4] =
        (i === 0 ? (original[4] as number) & END_STREAM : 0) |
        (i === blocks.length - 1 ? END_HEADERS : 0)
      head.writeUInt32BE(stream, 5)
      return Buffer.concat([head, block])
    }),
  )
}

// RFC 7541, section 6.2.2: a literal without indexing, which changes no table on either side.
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length: number[] = []
  if (bytes.length < 127) length.push(bytes.length)
  else {
    length.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest % 128) + 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}
