import { createServer } from 'node:net'
import { blocksOf } from './guide.ts'

/** The TypeScript blocks of a page by the path in their first line: `// app/route.ts`. */
export function filesOf(guide: string): Record<string, string> {
  return Object.fromEntries(
    blocksOf(guide, 'ts').map((text) => {
      const path = /^\/\/ (\S+)\n/.exec(text)?.[1]
      if (path === undefined) throw new Error(`docs/${guide}.md: a block names no file: ${text}`)
      return [path, text]
    }),
  )
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  for (const server of servers) await new Promise((closed) => server.close(closed))
  return ports
}

/** Waits until a server accepts requests. */
export async function untilAnswering(url: string): Promise<void> {
  for (let waited = 0; waited < 200; waited++) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await new Promise((later) => setTimeout(later, 100))
  }
  throw new Error(`${url} does not answer.`)
}
