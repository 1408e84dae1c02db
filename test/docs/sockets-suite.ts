import { type ClientRequest, get } from 'node:http'
import { secretPattern } from 'twinkey'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { blockWith, createGuideRunner, type GuideProgram } from '../support/guide.ts'

/** The program of docs/sockets.md for WebSockets on Bun: that of Hono, changed as the text says. */
export function onBun(program: string): string {
  return program
    .replace("import { serve, upgradeWebSocket } from '@hono/node-server'\n", '')
    .replace("import { WebSocketServer } from 'ws'\n", '')
    .replace(
      "import { Hono } from 'hono'\n",
      "import { Hono } from 'hono'\nimport { upgradeWebSocket, websocket } from 'hono/bun'\n",
    )
    .replace(
      /\/\/ The cast is for[\s\S]*$/,
      `Bun.serve({ fetch: app.fetch, port: Number(PORT), websocket })
console.log(\`Listening on http://localhost:\${PORT}\`)
`,
    )
}

/** Runs programs of docs/sockets.md for WebSockets, and calls them. */
export function describeSockets(
  programs: readonly (readonly [name: string, text: string, by: 'tsx' | 'bun'])[],
): void {
  const { run, stop, remove } = createGuideRunner()
  afterEach(stop)
  afterAll(remove)

  describe.each(programs)('the program of docs/sockets.md for %s', (_name, text, by) => {
    async function started(): Promise<GuideProgram & { readonly secret: string }> {
      const program = await run(text, by)
      const secret = await vi.waitUntil(() => secretPattern('acme').exec(program.printed())?.[0])
      return { ...program, secret }
    }

    test('answers messages until the key ends, and lets nobody in then', async () => {
      const { url, secret, printed } = await started()
      const sockets = await Promise.all([connect(url, secret), connect(url, secret)])
      for (const each of sockets) {
        each.send('one')
        expect(await nextMessage(each)).toBe('Received one')
      }
      const closed = Promise.all(sockets.map(closeOf))
      expect(await giveUp(url, secret)).toBe(204)
      expect(await closed).toEqual([
        [1008, 'Connect again.'],
        [1008, 'Connect again.'],
      ])
      await vi.waitUntil(() => printed().match(/ended: key_disabled/g)?.length === 2)
      await expect(connect(url, secret)).rejects.toThrow('401')
    })

    test('refuses the upgrade without a key', async () => {
      const { url } = await started()
      await expect(connect(url)).rejects.toThrow('401')
      await expect(connect(url, 'acme_wrong')).rejects.toThrow('401')
    })

    test('handles no message after the end, to a client that does not close its side', async () => {
      const { url, secret, printed } = await started()
      const socket = await connect(url, secret)
      socket.send('in time')
      await vi.waitUntil(() => printed().includes('sent in time'))
      // Without a reader of frames, it does not answer the close frame.
      const { _socket: raw } = socket as unknown as { _socket: import('node:net').Socket }
      const received: Buffer[] = []
      raw.removeAllListeners('data')
      raw.on('data', (chunk: Buffer) => received.push(chunk))
      expect(await giveUp(url, secret)).toBe(204)
      await vi.waitUntil(() => Buffer.concat(received).includes('Connect again.'))
      raw.write(maskedFrame('late'))
      raw.write(maskedFrame('later'))
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(printed()).not.toContain('sent late')
      socket.terminate()
    })
  })
}

/** Runs the program of docs/sockets.md for server-sent events. */
export function describeEvents(): void {
  const { run, stop, remove } = createGuideRunner()
  afterEach(stop)
  afterAll(remove)

  test('the program of docs/sockets.md for server-sent events ends the stream with the key', async () => {
    const { url, printed } = await run(blockWith('sockets', 'text/event-stream'))
    const secret = await vi.waitUntil(() => secretPattern('acme').exec(printed())?.[0])
    let received = ''
    const ended = new Promise<void>((resolve, reject) => {
      const request: ClientRequest = get(
        `${url}/feed`,
        { headers: { authorization: `Bearer ${secret}` } },
        (response) => {
          response.on('data', (chunk) => {
            received += chunk
          })
          response.on('end', resolve)
        },
      )
      request.on('error', reject)
    })
    await vi.waitUntil(() => received === 'data: Hello Billing\n\n')
    expect(await giveUp(url, secret)).toBe(204)
    await ended
    await vi.waitUntil(() => printed().includes('ended: key_disabled'))
  })
}

function connect(url: string, secret?: string): Promise<WebSocket> {
  const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/feed`, { headers })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

function nextMessage(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('message', (data) => resolve(String(data)))
  })
}

function closeOf(socket: WebSocket): Promise<[number, string]> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve([code, String(reason)]))
  })
}

async function giveUp(url: string, secret: string): Promise<number> {
  const headers = { authorization: `Bearer ${secret}` }
  return (await fetch(`${url}/key`, { method: 'DELETE', headers })).status
}

// A text frame of a client, RFC 6455, section 5.2, masked with zeros.
function maskedFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}
