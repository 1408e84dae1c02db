import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { untilListening } from '../../examples/program.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The text of a page of docs. */
export function readGuide(guide: string): string {
  return readFileSync(join(root, `docs/${guide}.md`), 'utf8')
}

/** The fenced blocks of a page in this language. */
export function blocksOf(guide: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...readGuide(guide).matchAll(fence)].map(([, text]) => text ?? '')
}

/** The one TypeScript block of a page that contains this text. */
export function blockWith(guide: string, text: string): string {
  const [found, ...others] = blocksOf(guide, 'ts').filter((block) => block.includes(text))
  if (found === undefined || others.length > 0)
    throw new Error(`docs/${guide}.md has not exactly one block with ${text}`)
  return found
}

/** A running program of a guide. */
export interface GuideProgram {
  readonly url: string
  readonly process: ChildProcess
  printed(): string
}

/** Runs the programs of the guides as a user would: with the built package and not with src. */
export interface GuideRunner {
  /** Starts a server with tsx, or unchanged with Bun, and waits until it listens. */
  run(text: string, by?: 'tsx' | 'bun'): Promise<GuideProgram>
  /**
   * Runs a program to its end. Returns its exit code and what it printed. The parts are the blocks
   * that it imports, by the names in their first lines.
   */
  finish(
    text: string,
    ...parts: string[]
  ): { readonly code: number | null; readonly printed: string }
  /** The exports of a block. */
  load<T>(text: string): Promise<T>
  /** Ends every program. */
  stop(): void
  remove(): void
}

export function createGuideRunner(): GuideRunner {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  // Inside the project, so that the programs find its dependencies, and away from its tsconfig, so
  // that they use the package and not src.
  const scratch = mkdtempSync(join(cache, 'twinkey-guides-'))
  // The decorators of NestJS.
  const compilerOptions = { experimentalDecorators: true }
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}')
  mkdirSync(join(scratch, 'node_modules'))
  symlinkSync(root, join(scratch, 'node_modules/twinkey'), 'junction')
  let running: ChildProcess[] = []
  let files = 0

  function write(text: string, extension: string): string {
    files++
    const file = join(scratch, `guide-${files}.${extension}`)
    writeFileSync(file, text)
    return file
  }

  return {
    async run(text, by = 'tsx') {
      const file = write(text, 'ts')
      const env = {
        ...process.env,
        TSX_TSCONFIG_PATH: join(scratch, 'tsconfig.json'),
        PORT: String(await freePort()),
      }
      const [command, args] =
        by === 'bun'
          ? [join(root, 'node_modules/.bin/bun'), [file]]
          : [process.execPath, ['--import', 'tsx', file]]
      const program = spawn(command, args, { cwd: scratch, env, stdio: 'pipe' })
      running.push(program)
      return { ...(await untilListening(program)), process: program }
    },
    finish(text, ...parts) {
      for (const part of parts)
        writeFileSync(join(scratch, /^\/\/ (\S+)/.exec(part)?.[1] ?? ''), part)
      const env = { ...process.env, TSX_TSCONFIG_PATH: join(scratch, 'tsconfig.json') }
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', 'tsx', write(text, 'ts')],
        { cwd: scratch, env, encoding: 'utf8', timeout: 30_000 },
      )
      return { code: status, printed: stdout + stderr }
    },
    async load<T>(text: string) {
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2022,
          verbatimModuleSyntax: true,
        },
      })
      return (await import(/* @vite-ignore */ write(outputText, 'mjs'))) as T
    },
    stop() {
      for (const program of running) program.kill()
      running = []
    },
    remove() {
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}

/** Runs a curl line of a guide against another address, and returns the status and the body. */
export function callLine(
  line: string,
  url: string,
  variables: Readonly<Record<string, string>>,
): { status: string; body: string } {
  const command = line
    .replace('http://localhost:3000', url)
    .replace('curl -i', "curl -s -w '\\n%{http_code}'")
  const env = { ...variables, PATH: process.env['PATH'], NO_PROXY: '*' }
  const [status = '', ...body] = execFileSync('sh', ['-c', command], { env, encoding: 'utf8' })
    .split('\n')
    .reverse()
  return { status, body: body.reverse().join('\n') }
}

/** The curl lines of a page. */
export function curlLinesOf(guide: string): string[] {
  return blocksOf(guide, 'sh').flatMap((text) =>
    text.split('\n').filter((line) => line.startsWith('curl ')),
  )
}

/** The variables that a page sets for its curl lines, except those that a reader has to fill in. */
export function variablesOf(guide: string, url: string): Record<string, string> {
  const lines = blocksOf(guide, 'sh').flatMap((text) => [
    ...text.matchAll(/^([A-Z]+)=([^…\s]+)$/gm),
  ])
  return Object.fromEntries(
    lines.map(([, name = '', value = '']) => [name, value.replace('http://localhost:3000', url)]),
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('There is no free port')
  return address.port
}
