import { createTwinkey, memoryStore } from 'twinkey'
import { expect, test } from 'vitest'
import { createTerminal } from './terminal.ts'

const writes: string[] = []
const inner = memoryStore()
const twinkey = createTwinkey({
  store: {
    ...inner,
    put: (next, ...rest) => {
      writes.push(next.id)
      return inner.put(next, ...rest)
    },
  },
})
const { key, primary } = await twinkey.keys.create({
  name: 'One',
  scope: { tenants: ['t1'], workflows: '*' },
})
const twinkeyOn = createTerminal(twinkey)
const NEW = 'keys create --name Two --tenant t1 --workflow a'

test.each<[line: string, sentence: string]>([
  ['--yes', 'Name a command.'],
  ['kyes list', 'There is no command `kyes`. Did you mean twinkey keys?'],
  ['keys', 'Say what to do: twinkey keys list|get|usage|create'],
  ['keys lst', 'There is no command `lst` of `keys`. Did you mean twinkey keys list?'],
  ['keys fly', 'There is no command `fly` of `keys`. Run `twinkey keys --help` for the list.'],
  ['keys list --ownr ada', '`twinkey keys list` has no option `--ownr`. Did you mean --owner?'],
  ['keys list --grace 1d', '`twinkey keys list` has no option `--grace`.'],
  ['keys list extra', '`twinkey keys list` takes no argument.'],
  ['keys list --state gone', '--state must be one of active, disabled, expired, revoked.'],
  ['keys list --state activ', 'Did you mean active?'],
  ['keys list --limit many', '--limit must be a whole number.'],
  ['keys list --limit 1000', '--limit must be a whole number from 1 to 100.'],
  ['keys list --sort oldst', 'Did you mean oldest?'],
  ['keys list --owner ada --no-owner', 'Give either --owner or --no-owner, not both.'],
  ['keys list --owner ada --owner eve', '--owner can be given only once.'],
  ['keys list --owner', '--owner needs a value: --owner NAME.'],
  ['keys list --owner --tenant', 'If the value begins with a dash, write --owner=VALUE.'],
  ['keys list --json=yes', '--json takes no value.'],
  ['keys list --all --limit 5', 'Give --all alone, or --limit and --cursor.'],
  ['keys list --unused-since yesterday', '--unused-since must be a duration like 90d'],
  ['keys list --expires-before 2027-02-30', '--expires-before must be a duration'],
  ['keys list --cursor x', 'cursor'],
  ['keys get', 'Give the argument: twinkey keys get ID.'],
  ['keys get one two', 'takes one argument, ID.'],
  ['keys get a/b', 'The argument must be the id of a key.'],
  [`keys get ${primary}`, 'The argument is a secret. Give the id of the key'],
  ['keys create --tenant t1 --workflow a', 'Give --name.'],
  ['keys create --name Two', 'Give --tenant and --workflow.'],
  ['keys create --name Two --tenant t1', "Give --workflow: each name, or '*' for all."],
  [`${NEW} --tenant *`, "Give --tenant '*' alone, or the names without '*'."],
  [`${NEW} --expires soon`, '--expires must be a duration like 90d'],
  [`${NEW} --expires 2020-01-01`, '--expires must be in the future.'],
  [`${NEW} --expires 90days`, '--expires must be a duration like 90d'],
  [`${NEW} --limit 1000`, '--limit must be a limit like 1000/minute'],
  [`${NEW} --limit 1000/minuet`, 'Did you mean minute?'],
  [`${NEW} --limit 0/minute`, '--limit must have requests'],
  [`${NEW} --limit 1000/minute`, 'limits need the option limiter of createTwinkey.'],
  [`${NEW} --no-limits --default-limits`, 'not both.'],
  [`${NEW} --network 192.0.2.1/24`, '--network must have networks without host bits'],
  [`${NEW} --metadata plan`, '--metadata must be NAME=VALUE or a JSON object.'],
  [`${NEW} --metadata {plan`, '--metadata is not valid JSON.'],
  [`${NEW} --metadata a=1 --metadata a=2`, '--metadata has the same name twice.'],
  [`${NEW} --metadata __proto__=1`, '--metadata must be a plain object'],
  [`${NEW} --tokens --no-tokens`, 'Give either --tokens or --no-tokens, not both.'],
  [`${NEW} --idempotency-key=`, 'The idempotency key must have 1 to 255'],
  [`${NEW} --actor=`, '--actor must be a string of 1 to 128 characters'],
  [`keys update ${key.id}`, 'Give what to change, like --name or --expires.'],
  [`keys update ${key.id} --name=`, '--name must be a string of 1 to 128 characters'],
  [`keys update ${key.id} --expected-version one --name Two`, '--expected-version must be a whole'],
  [`keys rotate ${key.id} --grace 1`, '--grace must be a duration like 90d'],
  [`keys rotate ${key.id} --grace 91d`, '--grace must be a whole number of seconds'],
  [`keys rotate ${key.id} --replace primary`, '--replace must be one of secondary.'],
  [`keys renew ${key.id} --yes`, 'Give --slots.'],
  [`keys renew ${key.id} --slots one`, '--slots must be one of primary, secondary, both.'],
  [`keys revoke ${key.id}`, 'there is no terminal to ask on. Add --yes'],
  [`keys delete ${key.id}`, 'there is no terminal to ask on. Add --yes'],
  ['keys revoke-all', 'Give either --owner or --tenant.'],
  ['keys revoke-all --owner ada --tenant t1', 'Give either --owner or --tenant.'],
  ['keys revoke-all --owner ada', 'there is no terminal to ask on. Add --yes'],
  ['keys import', 'Give the argument: twinkey keys import FILE.'],
  ['keys import missing.jsonl', 'The file cannot be read.'],
  ['keys import empty.jsonl', 'The file has no lines.'],
  ['keys import broken.jsonl', 'Line 2 is not a JSON object with valid times.'],
  ['keys import list.jsonl', 'Line 1 is not a JSON object with valid times.'],
  ['keys import time.jsonl', 'Line 1 is not a JSON object with valid times.'],
  ['history --key a/b', '--key must be the id of a key.'],
  ['history --after 1d --cursor x', '--cursor must not be given with `after`.'],
  ['expiring --within soon', '--within must be a duration like 90d'],
  ['signing-key --algorithm HS256', '--algorithm must be one of ES256, EdDSA, RS256, PS256.'],
  ['scanner-rules gitleaks', '`twinkey scanner-rules` takes no argument.'],
  ['scanner-rules --format gitleak', 'Did you mean gitleaks?'],
  ['scanner-rules --format', '--format needs a value: --format gitleaks|trufflehog|github.'],
  ['scanner-rules --prefix acme', '`twinkey scanner-rules` has no option `--prefix`.'],
  ['scanner-rules --verify-url https://a.example', '--verify-url is for --format trufflehog.'],
  [
    'scanner-rules --format trufflehog --verify-url http://a.example',
    '--verify-url must be an https URL',
  ],
  ['token abc', 'This is not a token.'],
  [`token ${primary}`, 'This is a secret, not a token.'],
  ['migrate', 'The store has no `migrate()`, so there is nothing to do.'],
  ['migrate --print', 'The store has no SQL to print.'],
])('%s ends with code 2, says what to do and changes nothing', async (line, sentence) => {
  writes.length = 0
  const files = {
    'empty.jsonl': '\n',
    'broken.jsonl': `${JSON.stringify({ name: 'One' })}\n{`,
    'list.jsonl': '[]',
    'time.jsonl': JSON.stringify({ name: 'One', expiresAt: 'soon' }),
  }
  const { code, out, err } = await twinkeyOn(line, { files })
  expect({ code, out, writes }).toEqual({ code: 2, out: '', writes: [] })
  expect(err).toMatch(/^Error: .+\n$/)
  expect(err).toContain(sentence)
  expect(err).not.toContain(primary.slice(20, 40))
})

test.each([
  [['keys list', 'extra'], '`twinkey keys list` takes no argument.'],
  [['keys revoke-all', 'extra', '--tenant', 't1', '--yes'], 'takes no argument.'],
  [['keys revoke', key.id, 'extra', '--yes'], 'takes one argument, ID.'],
  [['keys revoke'], 'Give the argument: twinkey keys revoke ID.'],
])('%j in quotes is the same command', async (argv, sentence) => {
  writes.length = 0
  const { code, out, err } = await twinkeyOn(argv)
  expect({ code, out, writes }).toEqual({ code: 2, out: '', writes: [] })
  expect(err).toContain(sentence)
})

test('with --json, an error is JSON on standard error', async () => {
  const { code, out, err } = await twinkeyOn('keys list --state gone --json')
  expect({ code, out }).toEqual({ code: 2, out: '' })
  const message = '--state must be one of active, disabled, expired, revoked.'
  expect(JSON.parse(err)).toEqual({ error: { code: 'wrong_input', message } })
  const missing = await twinkeyOn('keys get AAAAAAAAAAAAAAAA --json')
  expect(missing.code).toBe(1)
  expect(JSON.parse(missing.err).error.code).toBe('key_not_found')
})

test('an error of the application is not taken for one about an option', async () => {
  const message = 'name resolution failed'
  const broken = {
    ...twinkey,
    settings: () => {
      throw new Error(message)
    },
  }
  const { code, err } = await createTerminal(broken)('doctor')
  expect({ code, err }).toEqual({ code: 1, err: `Error: ${message}\n` })
})

test('a stopped command says whether it may have changed something', async () => {
  const signal = AbortSignal.abort()
  const change = await twinkeyOn(NEW, { signal })
  expect(change).toMatchObject({ code: 130, err: 'Stopped. A change may have been made.\n' })
  expect(await twinkeyOn('keys list', { signal })).toMatchObject({ code: 130, err: 'Stopped.\n' })
})

test('--version runs no command', async () => {
  const { code, out } = await twinkeyOn(`keys revoke ${key.id} --yes --version`)
  expect({ code, out }).toEqual({ code: 0, out: '1.2.3\n' })
  expect(await twinkey.keys.get(key.id)).toMatchObject({ state: 'active' })
})

test('a stack trace needs --debug', async () => {
  expect((await twinkeyOn('keys fly')).err.split('\n')).toHaveLength(2)
  expect((await twinkeyOn('keys fly --debug')).err).toMatch(/\n {4}at /)
})

test('an unknown word, option or value that may be a secret is not repeated', async () => {
  const lines = [
    primary,
    `keys ${primary}`,
    `keys list --${primary}`,
    `keys list --state ${primary}`,
  ]
  for (const line of [
    ...lines,
    `keys create --name a --limit ${primary} --tenant t --workflow w`,
  ]) {
    const { code, err } = await twinkeyOn(line)
    expect(code).toBe(2)
    expect(err).not.toContain(primary.slice(20, 40))
  }
})
