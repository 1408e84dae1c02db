import { createHash } from 'node:crypto'
import type { ImportKeyInput, Twinkey, TwinkeyOptions } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { FIRST, HMAC, importBench, input, PLAIN, pepper } from '../../clients/imported.ts'
import { createBench } from '../../support/bench.ts'

// The message of invalid_input says which member is wrong, and what it must be.

const NAME =
  'must be a string of 1 to 128 characters, well-formed Unicode without control characters'
const SECONDS = 'must be a whole number of seconds from 0 to 7776000'
const TIME =
  'must be a valid Date or a positive whole number of epoch milliseconds, or null for never'
const SCOPE = { tenants: ['t'], workflows: '*' } as const

async function messageOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => expect.fail('it was taken'),
    ({ code, message }) =>
      code === 'invalid_input' ? message : expect.fail(`${code}: ${message}`),
  )
}

describe('the message of a management call says what is wrong:', () => {
  const bench = createBench()
  const past = bench.clock.now() - 1
  const { keys } = bench.twinkey as unknown as {
    keys: Record<string, (...args: unknown[]) => Promise<unknown>>
  }
  const made = bench.twinkey.keys.create({ name: 'n', scope: SCOPE })

  it.each([
    ['create', [{ name: 'n' }], 'scope must be an object with tenants and workflows.'],
    ['create', [{ name: 'n', scope: SCOPE, owner: '' }], `owner ${NAME}.`],
    ['create', [{ name: 'n', scope: SCOPE, secondary: 1 }], 'secondary must be true or false.'],
    ['create', [{ name: '', scope: SCOPE }], `name ${NAME}.`],
    [
      'create',
      [{ name: 'n', scope: { ...SCOPE, tenants: 't' } }],
      "scope is wrong: tenants must be '*' or a list of names.",
    ],
    [
      'create',
      [{ name: 'n', scope: { tenants: ['t'] } }],
      "scope.workflows must be given: '*', or a list of names.",
    ],
    [
      'create',
      [{ name: 'n', scope: { workflows: '*' } }],
      "scope.tenants must be given: '*', or a list of names.",
    ],
    [
      'create',
      [{ name: 'n', scope: { ...SCOPE, tenants: [] } }],
      'scope reaches no tenant. To end a key, disable or revoke it.',
    ],
    ['create', [{ name: 'n', scope: SCOPE, tokens: 1 }], 'tokens must be true or false.'],
    ['create', [{ name: 'n', scope: SCOPE, expiresAt: past }], 'expiresAt must be in the future.'],
    ['create', [{ name: 'n', scope: SCOPE, expiresAt: 0 }], `expiresAt ${TIME}.`],
    [
      'create',
      [{ name: 'n', scope: SCOPE, metadata: [] }],
      'metadata must be a plain object of JSON values, at most 5 levels deep, well-formed Unicode without control characters.',
    ],
    ['create', [{ name: 'n', scope: SCOPE, actor: '' }], `actor ${NAME}.`],
    [
      'create',
      [undefined],
      'The input must be an object, with any of name, scope, expiresAt, metadata, tokens, limits, networks, owner, actor, secondary.',
    ],
    ['update', ['ID', { scope: [] }], 'scope must be an object with the axes to change.'],
    [
      'update',
      ['ID', { expiresAt: past - 60_000 }],
      'expiresAt must not be in the past. To end the key, pass the current time.',
    ],
    [
      'update',
      ['ID', { scope: { workflows: [] } }],
      'scope reaches no workflow. To end a key, disable or revoke it.',
    ],
    ['update', ['ID', { expectedVersion: '1' }], 'expectedVersion must be the `version` of a key.'],
    ['rotate', ['ID', { graceSeconds: -1 }], `graceSeconds ${SECONDS}.`],
    ['rotate', ['ID', { replace: 'primary' }], "replace must be 'secondary' or left out."],
    ['list', [{ tenant: '' }], `tenant ${NAME}.`],
    ['list', [{ owner: '' }], `owner ${NAME}.`],
    ['list', [{ pepper: '' }], `pepper ${NAME}.`],
    ['list', [{ state: 'gone' }], 'state must be one of active, disabled, expired, revoked.'],
    ['list', [{ sort: 'name' }], "sort must be 'newest' or 'oldest'."],
    ['list', [{ hint: '' }], 'hint must be the last one to four characters of a secret.'],
    ['list', [{ limit: 0 }], 'limit must be a whole number from 1 to 100.'],
    ['list', [{ limit: 101 }], 'limit must be a whole number from 1 to 100.'],
    ['list', [{ cursor: 1 }], 'cursor must be the `nextCursor` of the previous page.'],
    ['revokeAll', [{}], 'owner or tenant must be given, but not both.'],
    ['revokeAll', [{ owner: 'o', tenant: 't' }], 'owner or tenant must be given, but not both.'],
    ['revokeAll', [{ owner: '' }], `owner or tenant ${NAME}.`],
    ['enable', ['no id!'], 'id must be the id of a key.'],
    ['get', [5], 'id must be text.'],
    ['renew', ['ID', { slots: 'tertiary' }], "slots must be 'primary', 'secondary' or 'both'."],
    ['enable', ['ID', { actor: '' }], `actor ${NAME}.`],
  ])('%s(…%j): %s', async (call, args, message) => {
    const { key } = await made
    expect(
      await messageOf(
        (keys[call] as (typeof keys)[string])(
          ...args.map((each) => (each === 'ID' ? key.id : each)),
        ),
      ),
    ).toBe(message)
  })
})

describe('the message of an import says what is wrong:', () => {
  const as = (value: unknown) => value as ImportKeyInput['primary']
  const sha256 = (encoding: 'hex' | 'base64' | 'base64url') =>
    createHash('sha256').update(FIRST).digest(encoding)
  const digested = (more: object) =>
    as({ digest: sha256('hex'), encoding: 'hex', algorithm: 'sha-256', entropyBits: 190, ...more })
  const ENTROPY =
    'must state entropyBits of at least 112: a weaker secret can be guessed from its digest. Issue a new one instead.'
  const ALGORITHM =
    "must be 'sha-256' or 'hmac-sha-256'. Other digests, like SHA-512, cannot be looked up: import each secret when its caller next sends it (docs/migrating.md)."
  const ENCODED =
    'primary.digest must be 32 bytes in the given encoding (hex, base64 or base64url), and unused bits of the last character must be zero.'
  const HINT =
    'primary.hint must be a string of at most four characters, well-formed Unicode without control characters.'
  const VISIBLE = 'primary.secret must be 16 to 256 visible ASCII characters without a comma.'
  const UNSEEN =
    'primary would never be looked up: add an entry to the option `importedSecrets` that fits its algorithm, pepper and length.'
  const over = (primary: unknown, options?: TwinkeyOptions) => {
    const { twinkey }: { twinkey: Twinkey } = importBench(options)
    return messageOf(twinkey.keys.import(input({ primary: as(primary) })))
  }

  it.each([
    ['text', FIRST, 'primary must be an object with a digest or a secret.'],
    ['no entropy', { secret: FIRST }, `primary ${ENTROPY}`],
    ['an entropy that is text', { secret: FIRST, entropyBits: '190' }, `primary ${ENTROPY}`],
    ['too little entropy', { secret: FIRST, entropyBits: 111.9 }, `primary ${ENTROPY}`],
    [
      'an expiry that is text',
      { secret: FIRST, entropyBits: 190, expiresAt: '1' },
      `primary.expiresAt ${TIME}.`,
    ],
    ['a blank before the secret', { secret: ` ${FIRST}`, entropyBits: 190 }, VISIBLE],
    ['a comma in the secret', { secret: `${FIRST},`, entropyBits: 190 }, VISIBLE],
    ['a list for the secret', { secret: [FIRST], entropyBits: 190 }, VISIBLE],
    ['a short secret', { secret: 'x'.repeat(15), entropyBits: 112 }, VISIBLE],
    ['a long secret', { secret: 'x'.repeat(257), entropyBits: 112 }, VISIBLE],
    [
      'a prefix of this Twinkey',
      { secret: `tk_${FIRST}`, entropyBits: 190 },
      'primary.secret begins with one of `prefixes`, so it would never be looked up.',
    ],
    [
      'more entropy than it can have',
      { secret: 'x'.repeat(32), entropyBits: 32 * 6.56 + 0.01 },
      'primary.secret is too short to have that many entropyBits.',
    ],
    ['a length that is not looked up', { secret: 'x'.repeat(65), entropyBits: 190 }, UNSEEN],
    ['another algorithm', digested({ algorithm: 'md5' }), `primary.algorithm ${ALGORITHM}`],
    [
      'SHA-512',
      digested({ algorithm: 'sha-512', digest: 'a'.repeat(128) }),
      `primary.algorithm ${ALGORITHM}`,
    ],
    ['a hint of five characters', digested({ hint: '12345' }), HINT],
    ['a list for the hint', digested({ hint: [] }), HINT],
    [
      'a pepper without peppers',
      digested({ algorithm: 'hmac-sha-256', pepper: 'legacy' }),
      'primary.pepper must name one of pepper.keys.',
    ],
    ['a digest that is no text', digested({ digest: 7 }), ENCODED],
    ['too much hex', digested({ digest: `${sha256('hex')}0` }), ENCODED],
    ['hex with something before it', digested({ digest: `-${sha256('hex')}` }), ENCODED],
    ['hex called base64', digested({ encoding: 'base64' }), ENCODED],
    ['too much base64', digested({ encoding: 'base64', digest: `${sha256('base64')}=` }), ENCODED],
    [
      'base64 with something before it',
      digested({ encoding: 'base64', digest: `A${sha256('base64')}` }),
      ENCODED,
    ],
    ['no encoding', digested({ encoding: undefined }), ENCODED],
    ['another encoding', digested({ encoding: 'base32' }), ENCODED],
  ])('for %s', async (_what, primary, message) => {
    expect(await over(primary)).toBe(message)
  })

  it('for a pepper that does not exist or is not used for imported secrets', async () => {
    const peppered = (more: object) => digested({ algorithm: 'hmac-sha-256', ...more })
    const options = { pepper, importedSecrets: [PLAIN, HMAC] }
    expect(await over(peppered({}), options)).toBe('primary.pepper must name one of pepper.keys.')
    expect(await over(peppered({ pepper: 'other' }), options)).toBe(
      'primary.pepper must name one of pepper.keys.',
    )
    expect(await over(peppered({ pepper: 'new' }), options)).toBe(UNSEEN)
    expect(await over(peppered({ pepper: 'legacy' }), { pepper, importedSecrets: [PLAIN] })).toBe(
      UNSEEN,
    )
    expect(await over(digested({}), { pepper, importedSecrets: [HMAC] })).toBe(UNSEEN)
  })

  it('but an input at the limits is accepted', async () => {
    const taken = async (primary: unknown, options: TwinkeyOptions = {}) =>
      (await importBench(options).twinkey.keys.import(input({ primary: as(primary) }))).state
    const edge = { secret: 'x'.repeat(32), entropyBits: 32 * 6.56 }
    const longest = { secret: 'x'.repeat(64), entropyBits: 112 }
    const known = [
      edge,
      longest,
      digested({ hint: '1234' }),
      digested({ encoding: 'base64', digest: sha256('base64') }),
    ]
    for (const primary of known) expect(await taken(primary)).toBe('active')
    const wide = { importedSecrets: [{ ...PLAIN, minLength: 16, maxLength: 256 }] }
    for (const length of [18, 256])
      expect(await taken({ secret: 'x'.repeat(length), entropyBits: 112 }, wide)).toBe('active')
  })
})
