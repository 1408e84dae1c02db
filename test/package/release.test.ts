import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Runs the commands of .github/workflows/release.yml, as that file has them, on a copy of the
// project. Only the tests are left out, and the package is published as a dry run.

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const workflow = readFileSync(join(root, '.github/workflows/release.yml'), 'utf8')
const [, pack = '', publish = ''] = workflow.split(/^ {2}(?:pack|publish):$/m)

const scratch = mkdtempSync(join(tmpdir(), 'twinkey-release-'))
const workspace = join(scratch, 'workspace')
const published = join(scratch, 'published')
const unpacked = join(scratch, 'package')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** A step of a job: its name or its action, and its commands. */
interface Step {
  readonly title: string
  readonly run: string | undefined
}

beforeAll(() => {
  copyProject()
  for (const { title, run } of stepsOf(pack))
    if (run !== undefined && run !== 'npm test') {
      const { status, stderr } = runStep(run, `v${manifest.version}`)
      if (status !== 0) throw new Error(`The step "${title}" failed: ${stderr}`)
    }
  mkdirSync(published)
  for (const path of artifacts()) cpSync(join(workspace, path), join(published, path))
  execFileSync('tar', ['-xzf', join(published, tarball()), '-C', scratch])
})

describe('the job that packs', () => {
  test.each([
    'The tag names the version of the package',
    'The changelog has that version, with its date',
  ])('fails for the tag of another version, in the step "%s"', (title) => {
    const { run = '' } = stepsOf(pack).find((step) => step.title === title) ?? {}
    expect(runStep(run, `v${manifest.version}`).status).toBe(0)
    expect(runStep(run, `v${manifest.version}1`).status).not.toBe(0)
  })

  test('runs the tests before it packs', () => {
    const commands = stepsOf(pack).map(({ run }) => run ?? '')
    const packing = commands.findIndex((run) => run.startsWith('npm pack'))
    expect(commands.indexOf('npm test')).toBeGreaterThan(0)
    expect(commands.indexOf('npm test')).toBeLessThan(packing)
  })

  test('hands on the package and the bill of materials, and nothing else', () => {
    expect(artifacts()).toEqual([`twinkey-${manifest.version}.tgz`, 'twinkey.cdx.json'])
    const [upload, download] = [pack, publish].map((job) => /\n +name: (\w+)\n/.exec(job)?.[1])
    expect(download).toBe(upload)
  })
})

test('the bill of materials is CycloneDX, and has exactly the dependencies of the package', () => {
  const bill = JSON.parse(readFileSync(join(published, 'twinkey.cdx.json'), 'utf8'))
  expect(bill).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: expect.stringMatching(/^1\.\d$/),
    serialNumber: expect.stringMatching(/^urn:uuid:[\da-f-]{36}$/),
    version: 1,
    metadata: { component: { name: 'twinkey', version: manifest.version, type: 'library' } },
  })
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const expected = Object.keys(manifest.dependencies).map((name) => {
    const { version, integrity } = packages[`node_modules/${name}`]
    const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
    return {
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      hashes: [{ alg: 'SHA-512', content }],
      licenses: [{ license: { id: 'MIT' } }],
    }
  })
  expect(bill.components).toEqual(expected.map((each) => expect.objectContaining(each)))
  const refs = [bill.metadata.component, ...bill.components].map((each) => each['bom-ref'])
  expect(bill.dependencies).toEqual([
    { ref: refs[0], dependsOn: refs.slice(1) },
    ...refs.slice(1).map((ref) => ({ ref, dependsOn: [] })),
  ])
})

describe('the package', () => {
  const read = (path: string) => readFileSync(join(unpacked, path), 'utf8')

  test('names its repository, its home page and its issue tracker', () => {
    expect(JSON.parse(read('package.json'))).toEqual({
      ...manifest,
      repository: { type: 'git', url: 'git+https://git.example/acme/twinkey.git' },
      homepage: 'https://git.example/acme/twinkey#readme',
      bugs: { url: 'https://git.example/acme/twinkey/issues' },
    })
  })

  test('has no script that npm runs when it installs the package', () => {
    const { scripts, gypfile } = JSON.parse(read('package.json'))
    const hooks = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare']
    expect(hooks.filter((hook) => hook in scripts)).toEqual([])
    expect(gypfile ?? existsSync(join(unpacked, 'binding.gyp'))).toBe(false)
  })

  test('has the licence and the README, whose links and pictures are in the package', () => {
    expect(read('LICENSE')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'))
    const readme = read('README.md')
    const targets = [
      ...readme.matchAll(/\]\(([^)\s#]+)/g),
      ...readme.matchAll(/\s(?:src|srcset|href)="([^"#\s]+)/g),
    ].flatMap(([, target = '']) => (/^[a-z]+:/.test(target) ? [] : target))
    expect(targets).toContain('docs/screenshots/dark.png')
    expect(targets.length).toBeGreaterThan(60)
    const dead = targets.filter((target) => !existsSync(join(unpacked, target)))
    expect(dead).toEqual([])
  })

  test('has neither the documentation site nor the sources', () => {
    for (const path of ['docs/site', 'docs/site.css', 'src', 'test', 'benchmarks', 'node_modules'])
      expect(existsSync(join(unpacked, path)), path).toBe(false)
  })
})

describe('the job that publishes', () => {
  const commands = stepsOf(publish).flatMap(({ run }) => run ?? [])

  test('is the only one with an identity, and runs no installed code', () => {
    expect(publish).toMatch(/\n {4}permissions:\n {6}id-token: write\n {4}steps:/)
    expect(publish).toMatch(/\n {4}environment: release\n/)
    expect(workflow.match(/id-token/g)).toHaveLength(1)
    expect(publish).not.toContain('actions/checkout')
    expect(commands).toEqual([
      'npm publish ./twinkey-*.tgz --provenance --access public --ignore-scripts',
    ])
  })

  test('would publish the package: a dry run succeeds, and only asks for published versions', async () => {
    const requests: string[] = []
    const registry = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`)
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
    })
    await new Promise<void>((listening) => registry.listen(0, '127.0.0.1', listening))
    try {
      const { port } = registry.address() as AddressInfo
      const command = (commands[0] ?? '').replace('--provenance', '--provenance=false --dry-run')
      const { stderr, stdout } = await promisify(execFile)('bash', ['-e', '-c', command], {
        cwd: published,
        env: { ...environment(), npm_config_registry: `http://127.0.0.1:${port}` },
      })
      expect(stdout).toBe(`+ twinkey@${manifest.version}\n`)
      expect(stderr).toContain('with tag latest and public access (dry-run)')
      expect([...new Set(requests)]).toEqual(['GET /twinkey'])
    } finally {
      registry.close()
    }
  })
})

function copyProject(): void {
  for (const path of readdirSync(root))
    if (/\.md$|^LICENSE$|^package(?:-lock)?\.json$|^(?:dist|docs|examples)$/.test(path))
      cpSync(join(root, path), join(workspace, path), {
        recursive: true,
        filter: (from) => !/[\\/](?:node_modules|docs[\\/]site)$/.test(from),
      })
}

/** The files that the pack job uploads. */
function artifacts(): string[] {
  const [, list = ''] = /\n {10}path: \|\n((?: {12}\S+\n)+)/.exec(pack) ?? []
  return list
    .trim()
    .split(/\s+/)
    .flatMap((pattern) => {
      const expression = new RegExp(`^${pattern.replace(/\./g, '\\.').replace(/\*/g, '[^/]*')}$`)
      return readdirSync(workspace).filter((path) => expression.test(path))
    })
}

function tarball(): string {
  return artifacts().find((path) => path.endsWith('.tgz')) ?? ''
}

function stepsOf(job: string): Step[] {
  return job
    .split(/^ {6}- /m)
    .slice(1)
    .map((text) => {
      const [, line] = /^(?: {8})?run: ([^|\n].*)$/m.exec(text) ?? []
      const [, block] = /^(?: {8})?run: \|\n((?: {10}.*\n)+)/m.exec(text) ?? []
      const [, title = ''] = /^(?:name|uses|run): (.*)$/m.exec(text) ?? []
      return { title, run: line ?? block?.replace(/^ {10}/gm, '') }
    })
}

/** Runs the commands of a step as GitHub does: in bash, until the first that fails. */
function runStep(run: string, tag: string) {
  const temporary = mkdtempSync(join(scratch, 'runner-'))
  const env = {
    ...environment(),
    GITHUB_REF_NAME: tag,
    GITHUB_REPOSITORY: 'acme/twinkey',
    GITHUB_SERVER_URL: 'https://git.example',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: temporary,
    // The packages are in the cache since they were installed here.
    npm_config_prefer_offline: 'true',
  }
  return spawnSync('bash', ['-e', '-c', run], { cwd: workspace, env, encoding: 'utf8' })
}

/** Without what a test runner adds, and what `npm run` tells its children. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:NODE_OPTIONS|NODE_PATH|npm_(?!config_(?:registry|cafile|cache)).*)$/.test(name),
  )
  return Object.fromEntries(own)
}
