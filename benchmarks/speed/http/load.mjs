// Sends requests to one server at a time over keep-alive connections, with one request in flight on
// each. A child process of http.mjs: receives requests and a duration, and returns the number of
// answers.
import { connect } from 'node:net'

const HEAD_END = Buffer.from('\r\n\r\n')
const sets = new Map()

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (message.requests !== undefined)
    sets.set(
      message.name,
      message.requests.map((text) => Buffer.from(text)),
    )
  else
    drive(message).then(
      (answer) => process.send(answer),
      (error) => process.send({ error: error.message }),
    )
})

/**
 * Warms up without counting, then counts for `milliseconds` and at least `atLeast` answers, then
 * waits for the requests in flight. `answered` excludes the warm-up, and `total` includes all.
 */
async function drive({ port, name, connections, milliseconds, warmMilliseconds, atLeast, start }) {
  const requests = sets.get(name)
  const run = { requests, next: start % requests.length, answered: 0, refused: 0, ends: false }
  // Never sleeps, because waking a sleeping process costs the server a varying time per answer.
  const poll = () => run.ends || setImmediate(poll)
  poll()
  const open = Array.from({ length: connections }, () => converse(port, run))
  await wait(warmMilliseconds)
  const [before, since] = [run.answered, performance.now()]
  while (performance.now() - since < milliseconds || run.answered - before < atLeast) await wait(10)
  const [answered, elapsed] = [run.answered - before, performance.now() - since]
  run.ends = true
  await Promise.all(open)
  return { answered, total: run.answered, milliseconds: elapsed, refused: run.refused }
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

// One connection, one request after the other. An answer of the same length as the last is not
// parsed again.
function converse(port, run) {
  return new Promise((resolve, reject) => {
    let length = 0
    let part = ''
    const send = () => {
      if (run.ends) return socket.end()
      const request = run.requests[run.next]
      run.next = run.next + 1 === run.requests.length ? 0 : run.next + 1
      socket.write(request)
    }
    const answered = (isGood) => {
      run.answered++
      if (!isGood) run.refused++
      send()
    }
    const onBytes = (size, bytes) => {
      if (part === '' && size === length)
        return answered(bytes[9] === 0x32 && bytes[10] === 0x30 && bytes[11] === 0x30)
      part += bytes.latin1Slice(0, size)
      const whole = lengthOf(part)
      if (whole === undefined || part.length < whole) return
      const isGood = part.startsWith('HTTP/1.1 200 ')
      // Only an answer in one piece can be recognised by its length.
      length = isGood && size === whole ? whole : 0
      part = ''
      answered(isGood)
    }
    const onread = { buffer: Buffer.allocUnsafe(16_384), callback: onBytes }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread }, send)
    socket.on('close', resolve)
    socket.on('error', reject)
  })
}

// The length of the whole answer, or undefined if it is not yet known.
function lengthOf(text) {
  const end = text.indexOf(HEAD_END)
  if (end < 0) return undefined
  const announced = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))
  if (announced !== null) return end + 4 + Number(announced[1])
  const last = text.indexOf('\r\n0\r\n\r\n', end)
  return last < 0 ? undefined : last + 7
}
