import { connect } from 'node:net'
import { from } from 'twinkey'
import type { Application, Host } from '../http/hosts.ts'
import { anyBytes, pathsOf } from './fuzz-http-bytes.ts'
import { fuzz, type Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'

const DEADLINE_MILLISECONDS = 10_000
const IDLE_MILLISECONDS = 100
const LAST = 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const LANES = 64

/**
 * The routes of a host of the fuzzer: for each profile a guarded route, one for a tenant, and token
 * endpoints. None of them is public.
 */
export function applicationOf({ profiles }: Pick<FuzzScene, 'profiles'>): Application {
  return {
    routes: profiles.flatMap((profile) => [
      { method: 'GET', path: pathsOf(profile).guarded, requirement: { profile, anyTarget: true } },
      { method: 'POST', path: pathsOf(profile).guarded, requirement: { profile, anyTarget: true } },
      {
        method: 'GET',
        path: `${pathsOf(profile).guarded}/:tenant`,
        requirement: { profile, tenant: from.param('tenant') },
      },
    ]),
    tokens: Object.fromEntries(profiles.map((profile) => [pathsOf(profile).tokens, { profile }])),
  }
}

/**
 * Bytes on a connection to a host: the answer is never an error, nobody without an active
 * credential is accepted, and nothing of a credential comes back.
 */
export function httpTarget(
  scene: FuzzScene,
  name: string,
  send: (bytes: string) => Promise<string>,
): Target<string> {
  return {
    name,
    make: (random) => anyBytes(random, scene),
    async judge(bytes) {
      const answers = await send(bytes)
      // Wherever one stands: a body may end in anything, and nothing that is sent can come back
      // with a blank and a line break in it.
      const statuses = [...answers.matchAll(/HTTP\/1\.1 ([0-9]{3}) [ \w'-]*\r\n/g)].map(
        ([, status]) => Number(status),
      )
      if (answers !== '' && statuses.length === 0)
        return { wrong: `it answers no HTTP: ${answers.slice(0, 200)}` }
      if (statuses.some((status) => status >= 500)) return { wrong: `it answers ${answers}` }
      const isLetIn = statuses.some((status) => status >= 200 && status < 300)
      if (isLetIn && !isCarried(bytes, scene.live))
        return { wrong: `somebody was let in: ${answers}` }
      if (!isLetIn && repeats(answers, bytes, scene.texts))
        return { wrong: `it repeats a credential: ${answers}` }
      return isLetIn ? 'taken' : 'refused'
    },
  }
}

/** Sends the inputs of one run to a host, several at once. */
export async function fuzzHost(
  scene: FuzzScene,
  name: string,
  { port }: Pick<Host, 'port'>,
  seed: number,
  count: number,
) {
  const target = httpTarget(scene, name, (bytes) => sendBytes(port, bytes))
  const each = Math.ceil(count / LANES)
  const lanes = await Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      fuzz(target, { seed, from: lane * each, count: each }),
    ),
  )
  const sum = (of: 'inputs' | 'taken' | 'refused') => lanes.reduce((all, lane) => all + lane[of], 0)
  return {
    name,
    inputs: sum('inputs'),
    taken: sum('taken'),
    refused: sum('refused'),
    wrong: lanes.flatMap(({ wrong }) => wrong),
  }
}

/**
 * Everything that a server answers until it closes, which a last request asks for. Where that is
 * not read as one, the server is told after a while that nothing more will come; rejects where it
 * then neither answers nor closes.
 */
export function sendBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answers = ''
    const socket = connect({ port, host: '127.0.0.1' }, () =>
      socket.write(Buffer.from(bytes + LAST, 'latin1')),
    )
    socket.setEncoding('latin1')
    socket.setTimeout(IDLE_MILLISECONDS, () => {
      if (socket.writableEnded) {
        reject(new Error(`the server neither answers nor closes, after ${JSON.stringify(answers)}`))
        socket.destroy()
      }
      socket.end()
      socket.setTimeout(DEADLINE_MILLISECONDS)
    })
    socket.on('data', (chunk) => (answers += chunk))
    // A server that closes while more is being sent resets the connection. Earlier answers count.
    socket.on('error', () => resolve(answers)).on('close', () => resolve(answers))
  })
}

// Whether an active credential is in the bytes, in any spelling in which one may be sent.
function isCarried(bytes: string, live: ReadonlyMap<string, unknown>): boolean {
  const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const basic = [...bytes.matchAll(/basic\s+([\w+/]+=*)/gi)].map(([, text]) =>
    Buffer.from(text as string, 'base64').toString('latin1'),
  )
  const places = [bytes, decoded, ...basic]
  return [...live.keys()].some((credential) => places.some((place) => place.includes(credential)))
}

// Whether 12 characters or more of a credential in a field for one come back. What stands elsewhere
// too may: a framework that has no such route says which.
function repeats(answers: string, bytes: string, texts: readonly string[]): boolean {
  const lines = /^(?:authorization|x-api-key|x-boomi-flow-api-key)[ \t]*:[ \t]*(.*)$/gim
  const fields = [...bytes.matchAll(lines)].map(([, value]) => value as string)
  const elsewhere = bytes.replace(lines, '')
  const isRepeated = (part: string) =>
    answers.includes(part) && !elsewhere.includes(part) && texts.some((text) => text.includes(part))
  return fields.some((field) =>
    Array.from({ length: Math.max(0, field.trim().length - 11) }, (_, at) =>
      field.trim().slice(at, at + 12),
    ).some(isRepeated),
  )
}
