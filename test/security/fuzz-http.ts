import { connect } from 'node:net'
import { param } from 'twinkey'
import type { Application } from '../http/hosts.ts'
import type { Judgement, Target } from './fuzz-run.ts'
import { requestBytes } from './fuzz-http-requests.ts'
import type { FuzzScene } from './fuzz-scene.ts'

/** What the servers serve to the HTTP fuzzer: a guarded route and the token endpoints for each profile. All but the keys of tokens needs a credential. */
export function fuzzApplication({ profiles }: FuzzScene): Application {
  return {
    routes: [
      ...profiles.flatMap((profile) =>
        (['GET', 'POST'] as const).map((method) => ({ method, path: `/${profile.name}`, requirement: { profile, anyTarget: true } })),
      ),
      { method: 'GET', path: '/tenants/:tenant', requirement: { tenant: param('tenant'), workflow: 'customers.read' } },
    ],
    tokens: Object.fromEntries(profiles.map((profile) => [`/tokens/${profile.name}`, { profile }])),
  }
}

/** A server: never answers 5xx, lets nobody in who has sent nothing that is live, and repeats nothing of that. */
export function httpTarget(name: string, port: number, { live, texts }: FuzzScene, sender: typeof sendBytes = sendBytes): Target<Buffer> {
  return {
    name: `HTTP on ${name}`,
    make: (random) => requestBytes(random, texts),
    async judge(bytes): Promise<Judgement> {
      const answer = await sender(port, bytes)
      // Something that is smuggled in a body may have an answer of its own, like an interim one.
      const statuses = [...answer.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map(([, status]) => Number(status))
      const broken = statuses.find((status) => status >= 500)
      if (broken !== undefined) return { wrong: `it answered ${answer}` }
      const sent = readingsOf(bytes)
      const held = [...live.keys()].filter((text) => sent.includes(text))
      // The answers that are ours, and not the framework's own to a route that there is not.
      if (/^cache-control: no-store/im.test(answer) && held.some((text) => answer.includes(text))) return { wrong: `it repeated what was sent` }
      if (!statuses.some((status) => status >= 200 && status < 300)) return 'refused'
      if (held.length > 0) return 'taken'
      return isForEverybody(answer) ? 'refused' : { wrong: `it let somebody in: ${answer}` }
    },
  }
}

/** Sends bytes on a connection of their own and nothing after them. Answers what came back, however the connection ended. */
export function sendBytes(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(bytes))
    socket.setEncoding('latin1')
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    // A server that does not read on resets the connection. That it is not there at all, or hangs, is something else.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve(answer))
  })
}

// The keys that verify tokens, and the methods that a framework allows.
function isForEverybody(answer: string): boolean {
  return /^cache-control: public, max-age=300\r$/im.test(answer) || /^allow: /im.test(answer)
}

// The request as it stands, with what is percent-encoded in it, and with what is in Basic.
function readingsOf(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  const unescaped = text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  const basic = [...text.matchAll(/basic +([A-Za-z0-9+/=]+)/gi)].map(([, encoded = '']) => Buffer.from(encoded, 'base64').toString('latin1'))
  return [text, unescaped, ...basic].join('\n')
}
