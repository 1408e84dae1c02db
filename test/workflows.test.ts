import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = `${root}.github/workflows/`
const workflows = Object.fromEntries(
  readdirSync(folder).map((name) => [name, readFileSync(folder + name, 'utf8')]),
)
const actions = Object.values(workflows).flatMap((text) =>
  Array.from(text.matchAll(/\buses:\s*(.*)/g), ([, uses]) => uses as string),
)

// The write permissions of jobs. Every other permission is to read the repository.
const WRITES: Record<string, readonly string[]> = {
  'codeql.yml': ['security-events: write'],
  'release.yml': ['id-token: write'],
}

test('there are workflows for each change, for static analysis and for a release', () => {
  expect(Object.keys(workflows).sort()).toEqual(['ci.yml', 'codeql.yml', 'release.yml'])
  expect(actions.length).toBeGreaterThan(5)
})

// A tag can move to other code. A commit cannot.
test('every action is pinned to the full hash of a commit, with its version in a comment', () => {
  expect(
    actions.filter(
      (uses) => !/^[\w-]+\/[\w-]+(?:\/[\w-]+)*@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses),
    ),
  ).toEqual([])
})

// One repository may contain several actions, as github/codeql-action does.
test('all actions of one repository have the same version', () => {
  const pins = new Map<string, Set<string>>()
  for (const uses of actions) {
    const [action = '', pin = ''] = uses.split('@')
    const repository = action.split('/', 2).join('/')
    pins.set(repository, (pins.get(repository) ?? new Set()).add(pin))
  }
  expect([...pins].filter(([, { size }]) => size !== 1)).toEqual([])
})

test.each(Object.keys(workflows))(
  '%s has only read permissions, except for listed jobs',
  (name) => {
    expect(workflows[name]).toMatch(/^permissions:(?: \{\}|\n {2}contents: read)$/m)
    const granted = Array.from(
      (workflows[name] as string).matchAll(/^.*: write\b.*$/gm),
      ([line]) => line.trim(),
    )
    expect(granted).toEqual(WRITES[name] ?? [])
  },
)

test.each(Object.keys(workflows))(
  '%s does not persist credentials, and reads no secret',
  (name) => {
    const steps = (workflows[name] as string)
      .split(/^\s+- /m)
      .filter((step) => step.includes('actions/checkout@'))
    expect(steps.filter((step) => !step.includes('persist-credentials: false'))).toEqual([])
    expect(workflows[name]).not.toMatch(/\bsecrets\b|pull_request_target/)
  },
)

test.each(Object.keys(workflows))('every job of %s has a time limit', (name) => {
  const [, jobs = ''] = (workflows[name] as string).split(/^jobs:$/m)
  const [, ...each] = jobs.split(/^ {2}(?=[\w-]+:$)/m)
  expect(each.length).toBeGreaterThan(0)
  expect(each.filter((job) => !/^ {4}timeout-minutes: \d+$/m.test(job))).toEqual([])
})

test('static analysis covers the source and the workflows, on each change and every week', () => {
  const text = workflows['codeql.yml'] as string
  expect(text).toContain('language: [javascript-typescript, actions]\n')
  for (const trigger of ['push', 'pull_request', 'schedule'])
    expect(text).toContain(`\n  ${trigger}:\n`)
})

test('dependencies and actions are updated every week', () => {
  const text = readFileSync(`${root}.github/dependabot.yml`, 'utf8')
  const [, ...updates] = text.split(/^ {2}- package-ecosystem: /m)
  expect(updates.map((update) => update.split('\n')[0])).toEqual(['npm', 'github-actions'])
  for (const update of updates) {
    expect(update).toContain('interval: weekly')
    expect(update).toContain('groups:')
  }
})

// GitHub ignores a form that breaks one of these rules, without a message.
test.each(['bug.yml', 'feature.yml'])(
  'the issue form %s has a name, a description, fields and unique ids',
  (name) => {
    const text = readFileSync(`${root}.github/ISSUE_TEMPLATE/${name}`, 'utf8')
    expect(text).toMatch(/^name: \S.*\ndescription: \S.*\n(?:labels: \[\w+\]\n)?body:\n/)
    const ids = Array.from(text.matchAll(/^ {4}id: ([\w-]+)$/gm), ([, id]) => id)
    const types = Array.from(text.matchAll(/^ {2}- type: (\w+)$/gm), ([, type]) => type)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe(types.filter((type) => type !== 'markdown').length)
  },
)

test('a new issue uses a form, and a security problem has a private channel', () => {
  const text = readFileSync(`${root}.github/ISSUE_TEMPLATE/config.yml`, 'utf8')
  expect(text).toContain('\nblank_issues_enabled: false\n')
  expect(text).toMatch(/- name: Security problem\n {4}url: https:\/\/\S+\n {4}about: \S/)
})

test('each change is tested on the oldest supported Node, and on newer ones', () => {
  const { engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const [, versions = ''] = /\bnode: \[(.*)\]/.exec(workflows['ci.yml'] as string) ?? []
  expect(versions.split(', ').map((version) => version.replaceAll("'", ''))).toEqual([
    engines.node.replace('>=', ''),
    '22',
    '24',
    '26',
  ])
})

test('each change is tested by npm test, and by npm run test:interop and test:rounds in another job', () => {
  const jobs = (workflows['ci.yml'] as string).split(/^ {2}(?=\w+:$)/m)
  const running = (command: string) =>
    jobs.filter((job) => job.includes(`- run: ${command}\n`)).map((job) => job.split(':')[0])
  expect(
    ['test', 'run test:interop', 'run test:rounds'].map((name) => running(`npm ${name}`)),
  ).toEqual([['test'], ['interop'], ['interop']])
})
