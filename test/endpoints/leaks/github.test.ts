import { createHash } from 'node:crypto'
import { type CreateKeyInput, createTwinkey, memoryStore, type TwinkeyOptions } from 'twinkey'
import type { LeakEndpointOptions } from 'twinkey/leaks'
import { memoryLimiter } from 'twinkey/limits'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { shown } from '../../support/shown.ts'
import {
  createLeaks,
  createSigner,
  headersOf,
  type KeyServer,
  labelsOf,
  matchOf,
  startKeyServer,
} from './scene.ts'

const SCOPE = { tenants: ['acme'], workflows: ['read'] }
const signer = createSigner()
let server: KeyServer
beforeAll(async () => {
  server = await startKeyServer(signer.listed)
})
afterAll(() => server.close())

function createScene(
  onLeak: LeakEndpointOptions['onLeak'] = 'disable',
  options: TwinkeyOptions = {},
  more: Partial<LeakEndpointOptions> = {},
) {
  const bench = createBench(options)
  const { keys } = bench.twinkey
  const create = (input: Partial<CreateKeyInput> = {}) =>
    keys.create({ name: 'shop', scope: SCOPE, ...input })
  const stateOf = async (id: string) => (await keys.get(id))?.state
  const works = async (secret: string) => (await keys.verify(secret)).ok
  const leaks = createLeaks(bench.twinkey, server, signer, { onLeak, ...more })
  return { ...bench, ...leaks, keys, create, stateOf, works }
}

describe('a signed report', () => {
  it('of a secret disables its key, calls tell, and is in the history', async () => {
    const { create, keys, report, told, stateOf, works } = createScene()
    const { key, primary, secondary } = await create({ owner: 'ada' })
    const answer = await report(matchOf(secondary as string))
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual([
      {
        token_hash: createHash('sha256')
          .update(secondary as string)
          .digest('hex'),
        token_type: 'acme_secret',
        label: 'true_positive',
      },
    ])
    expect(await stateOf(key.id)).toBe('disabled')
    expect(await works(primary)).toBe(false)
    expect(told).toEqual([
      {
        reportedBy: 'github',
        key,
        via: 'secret',
        slot: 'secondary',
        isActive: true,
        places: [
          {
            type: 'acme_secret',
            url: 'https://github.com/acme/shop/blob/0123/.env',
            source: 'content',
          },
        ],
        outcome: 'disabled',
      },
    ])
    const [entry] = (await keys.history({ keyId: key.id })).entries
    expect(entry).toMatchObject({ type: 'key.disabled', actor: 'leak:github' })
  })

  it('of a text that is not a secret of the deployment is a false positive, and does not call tell', async () => {
    const { create, report, told } = createScene()
    const { primary } = await create()
    const wrong = `${primary.slice(0, -7)}${primary.at(-7) === 'x' ? 'y' : 'x'}${primary.slice(-6)}`
    const other = (await createBench().twinkey.keys.create({ name: 'other', scope: SCOPE })).primary
    const made = [
      '',
      'x',
      wrong,
      other,
      primary.slice(0, -1),
      `${primary}x`,
      '\ud800',
      'y'.repeat(9000),
    ]
    const answer = await report(...made.map((token) => matchOf(token)))
    expect(labelsOf(answer)).toEqual(made.map(() => 'false_positive'))
    expect(told).toEqual([])
  })

  it('puts no token into the answer or into the report for tell', async () => {
    const { create, report, told } = createScene()
    const { primary } = await create()
    const url = `https://example.test/?key=${primary}&again=${primary}`
    const answer = await report(matchOf(primary, { url, source: primary }))
    expect(answer.text).not.toContain(primary)
    expect(shown(told)).not.toContain(primary)
    expect(told[0]?.places[0]).toMatchObject({
      url: 'https://example.test/?key=[credential]&again=[credential]',
      source: '[credential]',
    })
  })

  const IMPORTED = `s+3cr/t=50%41!"#$&'()*:;<>?@[]^{|}~-Zm9vYmFy`
  const asHtml = (text: string) =>
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('"', '&#34;')
      .replaceAll("'", '&#x27;')
  const byUrlParser = (text: string) =>
    Object.assign(new URL('https://x.test'), { pathname: text }).pathname.slice(1)
  const encodedFully = (text: string) =>
    [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')

  it.each<[name: string, encoded: string]>([
    ['as it is', IMPORTED],
    ['by encodeURIComponent', encodeURIComponent(IMPORTED)],
    ['by encodeURI', encodeURI(IMPORTED)],
    ['by URLSearchParams', new URLSearchParams([['', IMPORTED]]).toString().slice(1)],
    ['by a URL parser', byUrlParser(IMPORTED)],
    ['in each character, with small digits', encodedFully(IMPORTED)],
    ['in some characters', IMPORTED.replace('%41', '%2541').replace('r', '%72')],
    ['twice', encodeURIComponent(encodeURIComponent(IMPORTED))],
    ['three times', encodeURIComponent(encodeURIComponent(encodedFully(IMPORTED)))],
    ['in HTML', asHtml(IMPORTED)],
    ['in a URL in HTML', asHtml(encodeURI(IMPORTED))],
  ])('never shows an imported secret that is encoded %s', async (_, encoded) => {
    const importedSecrets = [{ algorithm: 'sha-256', minLength: 40, maxLength: 60 }] as const
    const { keys, report, told } = createScene('tell', { importedSecrets })
    const primary = { secret: IMPORTED, entropyBits: 128 }
    await keys.import({ name: 'old', scope: SCOPE, primary })
    const answer = await report(
      matchOf(IMPORTED, {
        type: encoded.length < 250 ? `a ${encoded} b` : IMPORTED,
        url: `https://x.test/a?b=${IMPORTED}&c=${encoded}&d`,
        source: encoded,
      }),
    )
    expect(labelsOf(answer)).toEqual(['true_positive'])
    for (const text of Object.values(told[0]?.places[0] ?? {})) {
      expect(text).toContain('[credential]')
      // By a decoder that does not stop at an escape of something else.
      let decoded = text
      for (let times = 0; times < 4; times++) {
        expect(decoded).not.toContain(IMPORTED)
        decoded = unescape(decoded).replaceAll('&amp;', '&').replaceAll('&lt;', '<')
      }
    }
    expect(told[0]?.places[0]?.url).toBe('https://x.test/a?b=[credential]&c=[credential]&d')
    expect(answer.json[0].token_type).toBe(told[0]?.places[0]?.type)
  })

  it('with a match that is too short for a credential leaves its texts as they are', async () => {
    const { report } = createScene()
    const type = 'e%2541&amp;'.repeat(20)
    const { json } = await report(...['', 'e', '[', 'c'].map((token) => matchOf(token, { type })))
    expect(json.map((each: { readonly token_type: string }) => each.token_type)).toEqual(
      Array(4).fill(type),
    )
  })

  it('repeats its type in the answer, cut and without a credential', async () => {
    const { create, report } = createScene('tell')
    const { primary } = await create()
    const types = ['acme_secret', `leaked ${primary}`, '\u0000', 'x'.repeat(256), 'y,'.repeat(128)]
    const { json, text } = await report(
      ...types.map((type) => matchOf(primary, { type })),
      matchOf('y', { type: 'y,'.repeat(128) }),
    )
    const shown = json.map((each: { readonly token_type: string }) => each.token_type)
    expect(shown.slice(0, 5)).toEqual([
      'acme_secret',
      'leaked [credential]',
      ' ',
      '[credential]',
      'y,'.repeat(128),
    ])
    expect(shown[5]).toHaveLength(256)
    expect(text).not.toContain(primary)
  })

  it('with one secret at many places calls tell once, and labels each match', async () => {
    const { create, report, told } = createScene()
    const { primary } = await create()
    const answer = await report(
      matchOf(primary, { type: 'first' }),
      matchOf('x'),
      matchOf(primary, { type: 'second', url: '' }),
    )
    expect(labelsOf(answer)).toEqual(['true_positive', 'false_positive', 'true_positive'])
    expect(told).toHaveLength(1)
    expect(told[0]?.places.map(({ type, url }) => [type, url === ''])).toEqual([
      ['first', false],
      ['second', true],
    ])
  })

  it('with 1,000 matches handles each of them', async () => {
    const { create, report, told, keys } = createScene()
    const created = await Promise.all(Array.from({ length: 300 }, () => create()))
    const tokens = Array.from({ length: 1000 }, (_, i) =>
      i % 3 === 0
        ? `made-up-${i}`
        : (created[i % 300]?.[i % 2 ? 'primary' : 'secondary'] as string),
    )
    const answer = await report(...tokens.map((token) => matchOf(token)))
    expect(labelsOf(answer)).toEqual(
      tokens.map((token) => (token.startsWith('made') ? 'false_positive' : 'true_positive')),
    )
    const distinct = new Set(tokens.filter((token) => !token.startsWith('made')))
    expect(told).toHaveLength(distinct.size)
    const { keys: active } = await keys.list({ state: 'active', limit: 100 })
    expect(active).toHaveLength(created.length - new Set(told.map(({ key }) => key.id)).size)
  })

  it('that arrives again changes nothing, and calls tell again', async () => {
    const { create, report, told, keys } = createScene()
    const { key, primary } = await create()
    await report(matchOf(primary))
    const after = await keys.get(key.id)
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    expect(await keys.get(key.id)).toEqual(after)
    expect(told.map(({ outcome, isActive }) => [outcome, isActive])).toEqual([
      ['disabled', true],
      ['disabled', false],
    ])
  })

  it('of a key with networks and limits disables it, wherever the report comes from', async () => {
    const { create, report, stateOf } = createScene('disable', { limiter: memoryLimiter() })
    const { key, primary } = await create({
      networks: ['192.0.2.0/24'],
      limits: [{ requests: 1, per: 'day' }],
    })
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    expect(await stateOf(key.id)).toBe('disabled')
  })

  it('of an imported secret finds its key', async () => {
    const importedSecrets = [{ algorithm: 'sha-256', minLength: 40, maxLength: 40 }] as const
    const { keys, report, stateOf, told } = createScene('disable', { importedSecrets })
    const secret = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIzNDU2'
    const key = await keys.import({
      name: 'old',
      scope: SCOPE,
      primary: { secret, entropyBits: 128 },
    })
    const report1 = await report(matchOf(secret, { url: `https://x.test/${secret}` }))
    expect(labelsOf(report1)).toEqual(['true_positive'])
    expect(await stateOf(key.id)).toBe('disabled')
    expect(shown(told)).not.toContain(secret)
  })

  it.each([
    ['a disabled key: it takes the right of its owner to enable it', 'disable', 'disabled'],
    ['a revoked key', 'revoke', 'ended_before'],
  ] as const)('of a secret of %s', async (_, verb, outcome) => {
    const { create, keys, report, told } = createScene()
    const { key, primary } = await create({ owner: 'ada' })
    const limits = {
      actor: 'ada',
      owner: 'ada',
      grantable: { ...SCOPE, environments: '*' },
    } as const
    await keys.within(limits)[verb](key.id)
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    expect(told.map((each) => [each.outcome, each.isActive])).toEqual([[outcome, false]])
    await expect(keys.within(limits).enable(key.id)).rejects.toThrow()
  })

  it('of an expired key disables it, because its life can be extended', async () => {
    const { create, clock, keys, report, stateOf } = createScene()
    const { key, primary } = await create({ expiresAt: clock.now() + 1000 })
    clock.advance(1000)
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    await keys.update(key.id, { expiresAt: null })
    expect(await stateOf(key.id)).toBe('disabled')
  })

  it('of an old secret ends it in its grace, leaves it alone after its grace, and does not know it after the next rotation', async () => {
    const { create, clock, keys, report, told, works } = createScene('renew')
    const { key, primary: old } = await create({ secondary: false })
    const { primary: current } = await keys.rotate(key.id, { graceSeconds: 60 })
    await report(matchOf(old))
    expect([await works(old), await works(current)]).toEqual([false, true])
    const { primary: next } = await keys.rotate(key.id, { graceSeconds: 60 })
    clock.advance(60_000)
    expect(labelsOf(await report(matchOf(current)))).toEqual(['true_positive'])
    await keys.rotate(key.id, { graceSeconds: 0, replace: 'secondary' })
    expect(labelsOf(await report(matchOf(current), matchOf(next)))).toEqual([
      'false_positive',
      'false_positive',
    ])
    expect(told.map(({ outcome, slot }) => [outcome, slot])).toEqual([
      ['renewed', 'secondary'],
      ['ended_before', 'secondary'],
    ])
  })
})

describe('the policy', () => {
  it("'tell' ends nothing", async () => {
    const { create, report, told, works } = createScene('tell')
    const { primary } = await create()
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    expect([told[0]?.outcome, await works(primary)]).toEqual(['told', true])
  })

  it("'renew' ends the leaked secret and no other", async () => {
    const { create, report, told, works } = createScene('renew')
    const [one, two] = [await create(), await create()]
    await report(matchOf(one.primary), matchOf(two.secondary as string))
    expect(await works(one.primary)).toBe(false)
    expect(await works(one.secondary as string)).toBe(true)
    expect(await works(two.primary)).toBe(true)
    expect(await works(two.secondary as string)).toBe(false)
    expect(told.map(({ outcome }) => outcome)).toEqual(['renewed', 'renewed'])
  })

  it("'renew' never ends a secret that took the place of the leaked one", async () => {
    const { create, keys, report, spy, works, told } = createScene('renew')
    const { key, primary } = await create({ secondary: false })
    let current = ''
    let raced = false
    const { inner } = spy
    spy.override({
      async get(id) {
        const record = await inner.get(id)
        if (!raced && id === key.id) {
          raced = true
          current = (await keys.rotate(key.id, { graceSeconds: 3600 })).primary
        }
        return record
      },
    })
    await report(matchOf(primary))
    expect([await works(primary), await works(current)]).toEqual([false, true])
    expect(told.map(({ outcome }) => outcome)).toEqual(['renewed'])
  })

  it('can be a function of the leak', async () => {
    const { create, report, stateOf } = createScene(async ({ key }) =>
      key.metadata['important'] === true ? 'tell' : 'disable',
    )
    const [one, two] = [await create({ metadata: { important: true } }), await create()]
    await report(matchOf(one.primary), matchOf(two.primary))
    expect([await stateOf(one.key.id), await stateOf(two.key.id)]).toEqual(['active', 'disabled'])
  })

  it('revokes a token, and its key stays active', async () => {
    for (const policy of ['disable', 'renew'] as const) {
      const { create, twinkey, report, told, works } = createScene(policy)
      const { primary } = await create()
      const issued = await twinkey.tokens.issue(primary)
      const token = issued.ok ? issued.token : ''
      expect(labelsOf(await report(matchOf(token)))).toEqual(['true_positive'])
      expect((await twinkey.tokens.verify(token)).ok).toBe(false)
      expect(await works(primary)).toBe(true)
      expect(told.map(({ via, outcome }) => [via, outcome])).toEqual([['token', 'token_revoked']])
    }
  })

  it('is not asked about an expired or forged token', async () => {
    const { create, twinkey, clock, report, told } = createScene()
    const { primary } = await create()
    const issued = await twinkey.tokens.issue(primary)
    const token = issued.ok ? issued.token : ''
    clock.advance(3_700_000)
    const forged = `${token.slice(0, -4)}AAAA`
    expect(labelsOf(await report(matchOf(token), matchOf(forged)))).toEqual([
      'false_positive',
      'false_positive',
    ])
    expect(told).toEqual([])
  })
})

describe('a failure', () => {
  it('of the store answers 503, and the report is handled when it is sent again', async () => {
    const { create, report, spy, stateOf, told, events } = createScene()
    const [one, two] = [await create(), await create()]
    const { inner } = spy
    spy.override({
      get: (id) => (id === two.key.id ? Promise.reject(new Error('down')) : inner.get(id)),
    })
    const failed = await report(matchOf(one.primary), matchOf(two.primary))
    expect([failed.status, failed.json.code]).toEqual([503, 'unavailable'])
    expect(await stateOf(one.key.id)).toBe('disabled')
    expect(events.map(({ type }) => type)).toContain('warning.leak_not_handled')
    spy.override({})
    const again = await report(matchOf(one.primary), matchOf(two.primary))
    expect(labelsOf(again)).toEqual(['true_positive', 'true_positive'])
    expect(await stateOf(two.key.id)).toBe('disabled')
    expect(told).toHaveLength(3)
  })

  it('of a write or of onLeak calls tell with the outcome failed', async () => {
    const { create, report, spy, told, events } = createScene()
    const { primary } = await create()
    spy.override({ put: () => Promise.reject(new Error('read only')) })
    expect((await report(matchOf(primary))).status).toBe(503)
    expect(told.map(({ outcome }) => outcome)).toEqual(['failed'])
    expect(shown(events)).not.toContain(primary)
    const wrong = createScene((() => 'delete') as never)
    const created = await wrong.create()
    expect((await wrong.report(matchOf(created.primary))).status).toBe(503)
    expect(wrong.told.map(({ outcome }) => outcome)).toEqual(['failed'])
    expect(await wrong.works(created.primary)).toBe(true)
  })

  it('of tell is a warning that names the key, and the secret has ended', async () => {
    const tell = () => Promise.reject(new Error('no mail'))
    const { create, report, events, stateOf } = createScene('disable', {}, { tell })
    const { key, primary } = await create()
    expect(labelsOf(await report(matchOf(primary)))).toEqual(['true_positive'])
    expect(await stateOf(key.id)).toBe('disabled')
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning.leak_not_handled',
        message: expect.stringContaining(key.id),
      }),
    )
  })

  it.each([
    ['tell', 200],
    ['onLeak', 503],
  ])(
    'of %s to come back within 5 seconds keeps no other credential alive',
    async (name, status) => {
      const hangs = ({ key }: { readonly key: { readonly name: string } }) =>
        key.name === 'hangs' ? new Promise<never>(() => {}) : 'disable'
      const { create, report, works, events } = createScene('disable', {}, { [name]: hangs })
      await report()
      const keys = await Promise.all(
        Array.from({ length: 10 }, (_, i) => create({ name: i < 9 ? 'hangs' : 'shop' })),
      )
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const answer = report(...keys.map(({ primary }) => matchOf(primary)))
      let isAnswered = false
      answer.finally(() => {
        isAnswered = true
      })
      // The signature is verified in real time.
      while (!isAnswered) await vi.advanceTimersByTimeAsync(1000)
      expect((await answer).status).toBe(status)
      expect(await works(keys[9]?.primary as string)).toBe(false)
      const failed = events.filter(({ type }) => type === 'warning.leak_not_handled')
      expect(shown(failed)).toContain(`The function ${name} failed: no answer within 5000 ms`)
    },
  )

  it('of a pepper that is not configured answers 503, and ends nothing', async () => {
    const store = memoryStore()
    const pepper = { current: 'p1', keys: { p1: new Uint8Array(32).fill(1) } }
    const { primary } = await createTwinkey({ store, pepper }).keys.create({
      name: 'peppered',
      scope: SCOPE,
    })
    const { report, told } = createScene('disable', { store })
    expect((await report(matchOf(primary))).status).toBe(503)
    expect(told).toEqual([])
  })
})

describe('a report that is not signed', () => {
  const BODIES = (secret: string) => [JSON.stringify([matchOf(secret)]), '[]', 'no json', '']

  it('gets the same answer with and without a secret, reads no store and changes nothing', async () => {
    const { create, post, told, spy, stateOf } = createScene()
    const { key, primary } = await create()
    const stranger = createSigner(signer.id)
    const unknown = createSigner('unknown')
    const signed = JSON.stringify([matchOf(primary)])
    const good = headersOf(signer, signed)
    let reads = 0
    const { inner } = spy
    spy.override({
      get(id) {
        reads++
        return inner.get(id)
      },
    })
    const answers = new Set<string>()
    for (const body of BODIES(primary)) {
      const attempts: Record<string, string>[] = [
        {},
        headersOf(stranger, body),
        headersOf(unknown, body),
        headersOf(signer, `${body} `),
        { ...good, 'Github-Public-Key-Signature': '' },
        { ...good, 'Github-Public-Key-Signature': 'MAYCAQECAQE=' },
        { ...good, 'Github-Public-Key-Identifier': '' },
        { ...good, 'Github-Public-Key-Identifier': `${signer.id}, ${signer.id}` },
        { ...good, 'Github-Public-Key-Identifier': '../../x' },
      ]
      for (const headers of attempts) {
        const { status, text } = await post(body, headers)
        answers.add(`${status} ${text}`)
      }
      if (body !== signed) answers.add(await post(body, good).then((a) => `${a.status} ${a.text}`))
    }
    expect([...answers]).toEqual([expect.stringMatching(/^403 .*"signature_invalid"/)])
    expect(reads).toBe(0)
    spy.override({})
    expect([await stateOf(key.id), told]).toEqual(['active', []])
  })

  it('is refused for a key of the programme that is not current', async () => {
    const old = createSigner('old')
    const list = await startKeyServer({ ...old.listed, is_current: false }, signer.listed)
    const { twinkey } = createBench()
    const { report } = createLeaks(twinkey, list, old)
    expect((await report(matchOf('x'))).status).toBe(403)
    await list.close()
  })

  it('is refused if it is too large, even with a valid signature', async () => {
    const { post, create } = createScene()
    const { primary } = await create()
    const fits = JSON.stringify([matchOf(primary)]).padEnd(2 * 1024 * 1024)
    expect((await post(`${fits} `)).status).toBe(403)
    expect((await post(fits)).status).toBe(200)
  })

  it('is 503 if the public keys cannot be loaded', async () => {
    const list = await startKeyServer()
    const { twinkey, events } = createBench()
    const { report } = createLeaks(twinkey, list, signer)
    const answer = await report(matchOf('x'))
    expect([answer.status, answer.json.code]).toEqual([503, 'unavailable'])
    expect(events.map(({ type }) => type)).toContain('warning.leak_not_handled')
    // A flood of requests is not a flood of events.
    expect((await report(matchOf('x'))).status).toBe(503)
    expect(events).toHaveLength(1)
    await list.close()
  })
})

describe('a signed body that is not a report', () => {
  it.each([
    ['no JSON', 'x'],
    ['nothing', ''],
    ['an object', '{}'],
    ['a list of texts', '["x"]'],
    ['a match without a token', '[{"type":"x"}]'],
    ['a match without a type', '[{"token":"x"}]'],
    ['a token that is no text', '[{"token":1,"type":"x"}]'],
    ['a long type', JSON.stringify([{ token: 'x', type: 'y'.repeat(257) }])],
    ['10,001 matches', JSON.stringify(new Array(10_001).fill({ token: 'x', type: 'y' }))],
    ['bytes that are no UTF-8', new Uint8Array([0x5b, 0xff, 0x5d])],
  ])('is 400: %s', async (_, body) => {
    const { post } = createScene()
    const { status, json } = await post(body)
    expect([status, json.code]).toEqual([400, 'report_malformed'])
  })

  it('is a report without matches: an empty list', async () => {
    const { post } = createScene()
    expect(await post('[]')).toMatchObject({ status: 200, json: [] })
  })
})
