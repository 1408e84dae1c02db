import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = `${root}.github/workflows/`
const workflows = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(folder + name, 'utf8')]))
const actions = Object.values(workflows).flatMap((text) => Array.from(text.matchAll(/\buses:\s*(.*)/g), ([, uses]) => uses as string))

test('there are the workflow of each change and that of a release', () => {
  expect(Object.keys(workflows).sort()).toEqual(['ci.yml', 'release.yml'])
  expect(actions.length).toBeGreaterThan(5)
})

// A tag can be moved to other code, a commit cannot.
test('every action is pinned by the whole hash of a commit, and says of which version it is', () => {
  expect(actions.filter((uses) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses))).toEqual([])
})

test('an action is used in one version', () => {
  const pins = new Set(actions)
  expect(new Set(actions.map((uses) => uses.split('@')[0])).size).toBe(pins.size)
})

test.each(Object.keys(workflows))('%s may do nothing but read, unless a job says so', (name) => {
  expect(workflows[name]).toMatch(/^permissions:(?: \{\}|\n {2}contents: read)$/m)
  const granted = Array.from((workflows[name] as string).matchAll(/^.*: write\b.*$/gm), ([line]) => line.trim())
  expect(granted).toEqual(name === 'release.yml' ? ['id-token: write'] : [])
})

test.each(Object.keys(workflows))('%s leaves no credentials to what it runs, and reads no secret', (name) => {
  const steps = (workflows[name] as string).split(/^\s+- /m).filter((step) => step.includes('actions/checkout@'))
  expect(steps.filter((step) => !step.includes('persist-credentials: false'))).toEqual([])
  expect(workflows[name]).not.toMatch(/\bsecrets\b|pull_request_target/)
})

test('each change is tested on the oldest Node that the package takes, and on the newer ones', () => {
  const { engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const [, versions = ''] = /\bnode: \[(.*)\]/.exec(workflows['ci.yml'] as string) ?? []
  expect(versions.split(', ').map((version) => version.replaceAll("'", ''))).toEqual([engines.node.replace('>=', ''), '22', '24', '26'])
})

test('each change is tested by npm test and by npm run test:interop, in jobs of their own', () => {
  const jobs = (workflows['ci.yml'] as string).split(/^ {2}(?=\w+:$)/m)
  const running = (command: string) => jobs.filter((job) => job.includes(`- run: ${command}\n`)).map((job) => job.split(':')[0])
  expect([running('npm test'), running('npm run test:interop')]).toEqual([['test'], ['interop']])
})

describe('a release', () => {
  const [, pack = '', publish = ''] = (workflows['release.yml'] as string).split(/^ {2}(?:pack|publish):$/m)

  test('is tested, and comes with a bill of materials', () => {
    expect(pack).toContain('- run: npm test\n')
    expect(pack).toContain('npm sbom ')
  })

  test('is published with provenance, by a job that runs nothing that was installed', () => {
    expect(publish).toContain('id-token: write')
    expect(pack).not.toContain('id-token')
    const commands = Array.from(publish.matchAll(/\brun: (.*)/g), ([, command]) => command)
    expect(commands).toEqual(['npm publish ./twinkey-*.tgz --provenance --access public --ignore-scripts'])
  })
})
