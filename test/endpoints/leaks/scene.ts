import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Twinkey } from 'twinkey'
import { type LeakEndpointOptions, type LeakReport, leakEndpoints } from 'twinkey/leaks'
import { mount } from 'twinkey/web'

/** A key of the programme, as the list of public keys shows it. */
export interface ListedKey {
  readonly key_identifier: string
  readonly key: string
  readonly is_current: boolean
}

/** Signs like GitHub. */
export interface Signer {
  readonly id: string
  readonly listed: ListedKey
  sign(body: string | Uint8Array): string
}

export function createSigner(id = 'k1'.repeat(32), curve = 'P-256'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const key = publicKey.export({ type: 'spki', format: 'pem' }) as string
  return {
    id,
    listed: { key_identifier: id, key, is_current: true },
    sign: (body) => signWith(privateKey, body),
  }
}

function signWith(key: KeyObject, body: string | Uint8Array): string {
  return sign('sha256', Buffer.from(body as Uint8Array), key).toString('base64')
}

/** A server with the list of public keys. Its answer can be replaced. */
export interface KeyServer {
  readonly url: string
  /** The number of requests so far. */
  requests(): number
  answer(write: (response: ServerResponse) => void): void
  list(...keys: readonly ListedKey[]): void
  close(): Promise<void>
}

export async function startKeyServer(...keys: readonly ListedKey[]): Promise<KeyServer> {
  let count = 0
  const writeList = (listed: readonly ListedKey[]) => (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ public_keys: listed }))
  }
  let write = writeList(keys)
  const server = createServer((_request, response) => {
    count++
    write(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    requests: () => count,
    answer(next) {
      write = next
    },
    list(...listed) {
      write = writeList(listed)
    },
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** One match of a report. */
export const matchOf = (token: string, more: Readonly<Record<string, unknown>> = {}) => ({
  token,
  type: 'acme_secret',
  url: 'https://github.com/acme/shop/blob/0123/.env',
  source: 'content',
  ...more,
})

/** The headers of a report. */
export function headersOf(signer: Signer, body: string | Uint8Array): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'Github-Public-Key-Identifier': signer.id,
    'Github-Public-Key-Signature': signer.sign(body),
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly json: any
}

/** Leak endpoints without a socket, with every report that tell received. */
export function createLeaks(
  twinkey: Twinkey,
  { url }: KeyServer,
  signer: Signer,
  options: Partial<LeakEndpointOptions> = {},
) {
  const told: LeakReport[] = []
  const endpoints = leakEndpoints(twinkey, {
    onLeak: 'disable',
    tell: (report) => told.push(report),
    github: { keysUrl: url },
    ...options,
  })
  const serve = mount(endpoints)
  async function post(
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>> = headersOf(signer, body),
  ): Promise<Answer> {
    const request = new Request('http://localhost/github', {
      method: 'POST',
      headers,
      body: body as never,
    })
    const response = (await serve(request)) as Response
    const text = await response.text()
    return { status: response.status, text, json: JSON.parse(text) }
  }
  return {
    endpoints,
    told,
    post,
    report: (...matches: readonly object[]) => post(JSON.stringify(matches)),
  }
}

/** The labels of an answer, in order. */
export const labelsOf = ({ json }: Answer): string[] =>
  json.map(({ label }: { label: string }) => label)
