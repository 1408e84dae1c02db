import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { secretPattern } from 'twinkey'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { denied, quotaExceeded, rateLimited } from '../../src/core/model/own-refusals.ts'
import {
  axisDenied,
  methodNotAllowed,
  REFUSALS,
  type Refusal,
  type RefusalCode,
  targetConflict,
  targetMissing,
} from '../../src/core/model/refusal.ts'
import { standard } from '../../src/profiles/standard.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

// Inside the project, so that the examples find the packages that it has installed, and ignored by
// git like everything in there.
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const scratch = mkdtempSync(join(cache, 'twinkey-docs-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const markdown = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'examples', 'test'].flatMap((folder) => filesIn(folder, '.md')),
].sort()
const sources = filesIn('src', '.ts')

/** Pages whose programs need packages that are not installed here, and the test that compiles them. */
const OWN_PROJECTS: Readonly<Record<string, string>> = {
  'docs/nestjs-sockets.md': 'test/docs/nestjs-sockets.interop.test.ts',
  'docs/openapi.md': 'test/docs/openapi.interop.test.ts',
  'docs/nextjs.md': 'test/docs/nextjs.interop.test.ts',
  'docs/orms.md': 'test/docs/orms.interop.test.ts',
  'docs/other-frameworks.md': 'test/docs/other-frameworks.interop.test.ts',
  'docs/tokens-elsewhere.md': 'test/docs/tokens-elsewhere.interop.test.ts',
}

/**
 * One fenced block: its language, and its text below as many empty lines as there are lines before
 * it, so that line numbers are those of the file.
 */
interface Block {
  readonly file: string
  readonly line: number
  readonly language: string
  readonly text: string
}

describe('examples', () => {
  const examples = [
    ...markdown.flatMap((file) => blocksOf(file, read(file))),
    ...sources.flatMap((file) => blocksOf(file, docLines(read(file)))),
  ]
  const broken = blocksOf(
    'broken.md',
    '# Broken\n\n```ts\nconst one = 1\nconst wrong: string = one\n```\n',
  )
  let mistakes: string[]

  beforeAll(() => {
    mistakes = mistakesIn(
      [...examples, ...broken].filter(
        ({ file, language }) => language === 'ts' && !(file in OWN_PROJECTS),
      ),
    )
  })

  test('are found in the README, the docs and the doc comments', () => {
    const files = new Set(
      examples.filter(({ language }) => language === 'ts').map(({ file }) => file),
    )
    for (const file of [
      'README.md',
      'docs/errors.md',
      'docs/rotation.md',
      'docs/tokens.md',
      'src/twinkey.ts',
      'src/adapters/express/index.ts',
    ])
      expect(files).toContain(file)
  })

  test('all compile, as strictly as the project itself', () => {
    expect(mistakes.filter((mistake) => !mistake.startsWith('broken.md'))).toEqual([])
  })

  test('have lines of at most 100 characters, so that the site shows them without scrolling', () => {
    const long = examples.flatMap(({ file, language, text }) =>
      text.split('\n').flatMap((line, at) => {
        const place = `${file}:${at + 1}`
        return /^(?:ts|js|sh|json)$/.test(language) && line.length > 100 ? [place] : []
      }),
    )
    // The README shows an answer beside its call.
    expect(long.map((place) => place.replace(/:\d+$/, ''))).toEqual(['README.md'])
  })

  test.each(Object.entries(OWN_PROJECTS))(
    'of %s compile in a project of their own, by %s',
    (page, file) => {
      expect(existsSync(join(root, page))).toBe(true)
      expect(read(file)).toMatch(new RegExp(`'${page.replace(/^docs\/(.*)\.md$/, '$1')}'`))
      expect(read(file)).toContain("'tsc'")
    },
  )

  test('that are broken are reported with file and line', () => {
    expect(mistakes.filter((mistake) => mistake.startsWith('broken.md'))).toEqual([
      "broken.md:5: TS2322: Type 'number' is not assignable to type 'string'.",
    ])
  })

  test('are marked as ts, so that none escapes the compiler', () => {
    const others = examples.filter(
      ({ language }) => !['ts', 'sh', 'json', 'http', 'text'].includes(language),
    )
    expect(others.map(({ file, line, language }) => `${file}:${line} ${language}`)).toEqual([])
  })
})

describe('links', () => {
  test.each(markdown)('of %s lead to existing files and headings', (file) => {
    expect(deadLinks(file)).toEqual([])
  })
})

describe('docs/errors.md', () => {
  const source = read('src/core/model/refusal.ts')

  test('names exactly the refusal codes of the source', () => {
    expect(codesUnder('Refusals')).toEqual(namesOf(source, 'RefusalCode'))
  })

  test('names exactly the reasons of the source', () => {
    expect(codesUnder('Reasons')).toEqual(namesOf(source, 'RefusalReason'))
  })

  test('names exactly the error codes of the source', () => {
    expect(codesUnder('Errors')).toEqual(namesOf(read('src/core/model/error.ts'), 'ErrorCode'))
  })

  test('names exactly the codes of the client', () => {
    const codes = namesOf(read('src/client/error.ts'), 'ClientErrorCode')
    expect(codesUnder('Errors of the client')).toEqual(codes)
  })

  test('names exactly the warnings of the source', () => {
    const warnings = [...read('src/core/model/events.ts').matchAll(/'(warning\.\w+)'/g)].map(
      ([, name]) => name as string,
    )
    expect(codesUnder('Warnings')).toEqual(warnings.sort())
  })

  test('has the status and the words of the standard profile', () => {
    const rows = new Map(rowsUnder('Refusals').map((cells) => [codeOf(cells), cells]))
    const refusals: Refusal[] = [
      ...Object.values(REFUSALS),
      ...(['tenant', 'environment', 'workflow'] as const).map(axisDenied),
      targetMissing('tenant'),
      targetConflict('tenant'),
      rateLimited(1),
      quotaExceeded(1),
      denied('own_code', 'The sentence of the application.'),
      methodNotAllowed('POST'),
    ]
    expect(new Set(refusals.map(({ code }) => code))).toEqual(
      new Set(namesOf(source, 'RefusalCode') as RefusalCode[]),
    )
    for (const refusal of refusals) {
      const [, status, words] = rows.get(refusal.code) as string[]
      const answer = standard().refuse(refusal)
      expect(`${refusal.code} ${status}`).toBe(`${refusal.code} ${answer.status}`)
      expect(words?.replaceAll('`', '')).toContain(`"${JSON.parse(answer.body).detail}"`)
    }
  })
})

describe('CONTRIBUTING.md', () => {
  test('names every example, with the command that stands at the head of its tour', () => {
    const rows = rowsOf(read('CONTRIBUTING.md')).filter((cells) =>
      codeOf(cells)?.startsWith('examples/'),
    )
    const folders = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    expect(rows.map(codeOf).sort()).toEqual(folders.map(({ name }) => `examples/${name}`).sort())
    const tours = rows.filter(([, command]) => command?.startsWith('`npm run example '))
    expect(tours).toHaveLength(8)
    for (const [folder, command] of tours) {
      const [first = ''] = read(`${folder?.replaceAll('`', '')}/main.ts`).split('\n')
      expect(`${folder} ${first}`).toContain(`: ${command?.replaceAll('`', '')}`)
    }
  })
})

describe('the program of the README', () => {
  const folder = join(scratch, 'readme')
  let program: ChildProcess
  let printed = ''
  let port: number

  beforeAll(async () => {
    port = await freePort()
    const [example] = blocksOf('README.md', read('README.md')).filter(({ text }) =>
      text.includes('.listen('),
    )
    mkdirSync(join(folder, 'node_modules'), { recursive: true })
    // The package as a user has it, by its exports and from dist.
    symlinkSync(root, join(folder, 'node_modules/twinkey'), 'junction')
    writeFileSync(join(folder, 'app.mjs'), (example?.text ?? '').replace('3000', String(port)))
    program = spawn(process.execPath, ['app.mjs'], { cwd: folder, stdio: 'pipe' })
    await new Promise<void>((found, failed) => {
      const hear = (chunk: Buffer) => {
        printed += chunk
        if (printed.includes('SECRET=')) found()
      }
      program.stdout?.on('data', hear)
      program.stderr?.on('data', hear)
      program.on('exit', (code) => failed(new Error(`The program ended with ${code}: ${printed}`)))
    })
  })
  afterAll(() => program?.kill())

  test('runs with Node alone, and answers each curl line as the README says', async () => {
    const shell = blocksOf('README.md', read('README.md')).find(
      ({ language, text }) => language === 'sh' && text.includes('curl'),
    )
    const lines = (shell?.text ?? '').split('\n').filter((line) => line.startsWith('curl '))
    expect(lines).toHaveLength(2)
    const secret = secretPattern('acme').exec(printed)?.[0] ?? ''
    expect(printed).toBe(`SECRET=${secret}\n`)
    for (const line of lines) {
      const [, status, said] = /# (\d{3}): (.*)/.exec(line) ?? []
      const response = await curl(
        line.replace(':3000', `:${port}`).replace('$SECRET', secret).split('#')[0] ?? '',
      )
      expect(`${line} ${response.status}`).toBe(`${line} ${status}`)
      const answer = await response.text()
      if (response.ok) expect(answer).toBe(said)
      else expect(JSON.parse(answer).code).toBe('credential_missing')
    }
  })
})

function filesIn(folder: string, extension: string): string[] {
  if (!existsSync(join(root, folder))) return []
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
    (path) => `${folder}/${path.replaceAll('\\', '/')}`,
  )
  return files
    .filter(
      (path) =>
        path.endsWith(extension) &&
        !path.startsWith('docs/site/') &&
        !path.includes('node_modules'),
    )
    .sort()
}

function blocksOf(file: string, text: string): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; line: number; language: string; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, language] = /^\s*(`{3,})\s*([^\s`]*)\s*$/.exec(line) ?? []
    if (open === undefined) {
      if (fence !== undefined)
        open = { fence, line: index + 1, language: language ?? '', lines: [] }
    } else if (fence === open.fence && language === '') {
      blocks.push({
        file,
        line: open.line,
        language: open.language,
        text: '\n'.repeat(open.line) + open.lines.join('\n'),
      })
      open = undefined
    } else open.lines.push(line)
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: this block is never closed`)
  return blocks
}

// The content of doc comments, with everything else blank, so that each line keeps its number.
function docLines(source: string): string {
  const lines = source.split('\n').map(() => '')
  for (const comment of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const first = source.slice(0, comment.index).split('\n').length - 1
    for (const [index, line] of comment[0].split('\n').entries())
      lines[first + index] = line.replace(/^\s*\* ?/, '')
  }
  return lines.join('\n')
}

function mistakesIn(examples: readonly Block[]): string[] {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(
    config.config,
    ts.sys,
    root,
    {},
    join(root, 'tsconfig.json'),
  )
  const written = new Map<string, Block>()
  for (const [index, example] of examples.entries()) {
    // A block that begins with the name of its file can be imported by others.
    const [, name = `example-${index}.ts`] = /^\n*\/\/ ([\w-]+\.ts)\n/.exec(example.text) ?? []
    const path = join(scratch, name)
    if (existsSync(path)) throw new Error(`${example.file} has a second block named ${name}`)
    writeFileSync(path, example.text)
    written.set(path.replaceAll('\\', '/'), example)
  }
  const program = ts.createProgram([...written.keys()], {
    ...options,
    moduleDetection: ts.ModuleDetectionKind.Force,
    // The decorators of NestJS.
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  })
  return [...written].flatMap(([path, { file }]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)).map((diagnostic) => {
      const line =
        (diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0) + 1
      return `${file}:${line}: TS${diagnostic.code}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`
    }),
  )
}

function deadLinks(file: string): string[] {
  const dead: string[] = []
  for (const [, target] of withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (target === undefined || /^[a-z]+:/.test(target)) continue
    const [path = '', anchor] = target.split('#')
    const linked =
      path === '' ? file : relative(root, resolve(root, dirname(file), path)).replaceAll('\\', '/')
    if (!existsSync(join(root, linked))) dead.push(target)
    else if (
      anchor !== undefined &&
      !(statSync(join(root, linked)).isFile() && anchorsOf(read(linked)).has(anchor))
    )
      dead.push(target)
  }
  return dead
}

// As the pages of the repository make them: lower case, without punctuation, with hyphens for
// spaces, and numbered where one comes again.
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = (heading as string).replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let each = anchor
    for (let again = 1; anchors.has(each); again++) each = `${anchor}-${again}`
    anchors.add(each)
  }
  return anchors
}

function withoutCode(text: string): string {
  return text.replace(/^\s*(`{3,})[\s\S]*?^\s*\1\s*$/gm, '')
}

function rowsUnder(heading: string): string[][] {
  const [, ...sections] = read('docs/errors.md').split(/^## /m)
  return rowsOf(sections.find((section) => section.startsWith(`${heading}\n`)) ?? '')
}

// The rows of tables whose first cell is code.
function rowsOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
}

function codeOf([cell]: readonly string[]): string | undefined {
  return /^`([^`]+)`$/.exec(cell ?? '')?.[1]
}

function codesUnder(heading: string): (string | undefined)[] {
  return rowsUnder(heading).map(codeOf).sort()
}

// The strings of a union type, read from the text: types leave nothing to import.
function namesOf(source: string, type: string): string[] {
  const names: string[] = []
  for (const statement of ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest)
    .statements) {
    if (
      !ts.isTypeAliasDeclaration(statement) ||
      statement.name.text !== type ||
      !ts.isUnionTypeNode(statement.type)
    )
      continue
    for (const each of statement.type.types)
      if (ts.isLiteralTypeNode(each) && ts.isStringLiteral(each.literal))
        names.push(each.literal.text)
  }
  if (names.length === 0) throw new Error(`There is no union ${type} to be found`)
  return names.sort()
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('There is no free port')
  return address.port
}

// The few options of curl that the README uses.
function curl(line: string): Promise<Response> {
  const [url] = /http:\/\/\S+/.exec(line) ?? []
  if (url === undefined) throw new Error(`There is no URL in ${line}`)
  const headers = [...line.matchAll(/-H "([^:]+): ([^"]*)"/g)].map(
    ([, name, value]) => [name, value] as [string, string],
  )
  return fetch(url, { method: / -X (\w+)/.exec(line)?.[1] ?? 'GET', headers })
}
