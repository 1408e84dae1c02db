import { channel, tracingChannel } from 'node:diagnostics_channel'
import { createVerifier } from 'twinkey/verifier'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createScene, requestWith } from './scene.ts'

type Stage = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'
type Message = Record<string, unknown>

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

/** Listens to a channel. Returns what was published: the stage, and the message as it was then. */
function listen(name: 'authenticate' | 'exchange' | 'store') {
  const heard: [stage: Stage, message: Message][] = []
  const hear = (stage: Stage) => (message: unknown) => {
    heard.push([stage, { ...(message as Message) }])
  }
  const traced = tracingChannel(`twinkey:${name}`)
  const subscriber = {
    start: hear('start'),
    end: hear('end'),
    asyncStart: hear('asyncStart'),
    asyncEnd: hear('asyncEnd'),
    error: hear('error'),
  }
  traced.subscribe(subscriber)
  open.push(() => traced.unsubscribe(subscriber))
  return heard
}

const stagesOf = (heard: readonly [Stage, Message][]) => heard.map(([stage]) => stage)
const lastOf = (heard: readonly [Stage, Message][]) => heard.at(-1)?.[1]

describe('twinkey:authenticate', () => {
  it('publishes a decision in memory at its start and its end', async () => {
    const { twinkey, key, primary, decide } = await createScene()
    await decide(requestWith(primary))
    const heard = listen('authenticate')
    await decide(requestWith(primary))
    expect(stagesOf(heard)).toEqual(['start', 'end'])
    expect(heard[0]?.[1]).toMatchObject({ twinkey, result: undefined, isFinished: false })
    expect(lastOf(heard)).toEqual({
      twinkey,
      result: 'allowed',
      code: undefined,
      reason: undefined,
      via: 'secret',
      keyId: key.id,
      cached: true,
      startedAt: expect.any(Number),
      isFinished: true,
      durationSeconds: undefined,
      error: undefined,
    })
  })

  it('publishes a decision that reads the store, and how long it took', async () => {
    const { primary, decide } = await createScene()
    const heard = listen('authenticate')
    await decide(requestWith(primary))
    expect(stagesOf(heard)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(heard[1]?.[1]).toMatchObject({ isFinished: false, durationSeconds: undefined })
    const { durationSeconds } = lastOf(heard) as { durationSeconds: number }
    expect(durationSeconds).toBeGreaterThan(0)
    expect(durationSeconds).toBeLessThan(60)
    expect(lastOf(heard)).toMatchObject({ result: 'allowed', cached: false, isFinished: true })
  })

  it.each([
    ['no credential', undefined, 'credential_missing', undefined, undefined, false],
    ['a wrong checksum', 'acme_1', 'credential_invalid', 'secret_malformed', undefined, false],
    ['another scheme', 'sk_live_1', 'credential_invalid', 'prefix_unknown', undefined, false],
  ])(
    'says why a request with %s is refused',
    async (_, credential, code, reason, cached, hasKey) => {
      const { decide } = await createScene()
      const heard = listen('authenticate')
      await decide(requestWith(credential))
      expect(lastOf(heard)).toMatchObject({ result: 'refused', code, reason, cached })
      expect(lastOf(heard)?.['keyId'] !== undefined).toBe(hasKey)
    },
  )

  it('has the key of a request that is refused for its target, and of a disabled key', async () => {
    const { twinkey, key, primary, decide } = await createScene()
    await decide(requestWith(primary))
    const heard = listen('authenticate')
    await decide(requestWith(primary), 'flows.write')
    const denied = { result: 'refused', code: 'workflow_denied', keyId: key.id, cached: true }
    expect(lastOf(heard)).toMatchObject(denied)
    await twinkey.keys.disable(key.id)
    await decide(requestWith(primary))
    const disabled = { code: 'credential_invalid', reason: 'key_disabled', keyId: key.id }
    expect(lastOf(heard)).toMatchObject({ ...disabled, cached: false })
  })

  it('publishes a store that fails as a refusal', async () => {
    const { primary, outage, decide } = await createScene()
    outage.error = new Error('down')
    const heard = listen('authenticate')
    await decide(requestWith(primary))
    const unavailable = { code: 'unavailable', reason: 'store_unavailable', error: undefined }
    expect(lastOf(heard)).toMatchObject({ ...unavailable, cached: false, keyId: undefined })
  })

  it('tells anonymous requests of an optional guard apart', async () => {
    const { twinkey } = await createScene()
    const heard = listen('authenticate')
    await twinkey.authenticate(requestWith(), { workflow: 'flows.read', optional: true })
    expect(lastOf(heard)).toMatchObject({ result: 'anonymous', code: undefined, cached: undefined })
  })

  it('publishes the error of a reader that throws, and the caller still gets it', async () => {
    const { twinkey, primary } = await createScene()
    const broken = new Error('reader')
    const heard = listen('authenticate')
    const tenant = () => {
      throw broken
    }
    await expect(
      twinkey.authenticate(requestWith(primary), { tenant, workflow: 'flows.read' } as never),
    ).rejects.toBe(broken)
    expect(heard.some(([stage, { error }]) => stage === 'error' && error === broken)).toBe(true)
    expect(lastOf(heard)).toMatchObject({ isFinished: true, error: broken, result: undefined })
  })

  it('publishes the decisions of a verifier', async () => {
    const { twinkey, primary } = await createScene()
    const issued = await twinkey.tokens.issue(primary)
    if (!issued.ok) throw new Error('no token')
    const jwks = await twinkey.tokens.jwks()
    const { issuer } = twinkey.tokens
    const verifier = createVerifier({ jwks, issuer, audience: twinkey.audiences[0] as string })
    const heard = listen('authenticate')
    await verifier.verify(issued.token)
    await verifier.verify(issued.token)
    expect(heard.map(([, message]) => message['twinkey'] === verifier)).not.toContain(false)
    const finished = heard.filter(([, { isFinished }]) => isFinished)
    expect(finished.map(([, { cached, via }]) => [cached, via])).toContainEqual([false, 'token'])
    expect(lastOf(heard)).toMatchObject({ result: 'allowed', via: 'token', cached: true })
  })
})

describe('twinkey:exchange', () => {
  it('publishes tokens by their id, and refusals by their code and reason', async () => {
    const { twinkey, key, primary } = await createScene()
    const heard = listen('exchange')
    const issued = await twinkey.tokens.issue(primary)
    expect(stagesOf(heard)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    const tokenId = issued.ok && issued.tokenId
    expect(lastOf(heard)).toMatchObject({ result: 'issued', tokenId, code: undefined })
    await twinkey.tokens.issue(`${primary.slice(0, -1)}?`)
    const wrong = { result: 'refused', code: 'credential_invalid', reason: 'checksum_wrong' }
    expect(lastOf(heard)).toMatchObject({ ...wrong, keyId: undefined })
    await twinkey.tokens.issue(primary, { scope: { tenants: ['t2'] } })
    const wider = { code: 'tenant_denied', reason: 'wider_than_key', keyId: key.id }
    expect(lastOf(heard)).toMatchObject(wider)
  })

  it('publishes the error of an exchange that fails', async () => {
    const { twinkey, primary } = await createScene()
    const heard = listen('exchange')
    const broken = new Error('ask')
    const issuing = twinkey.tokens.issue(primary, () => {
      throw broken
    })
    await expect(issuing).rejects.toBe(broken)
    expect(lastOf(heard)).toMatchObject({ error: broken, result: undefined, isFinished: true })
  })
})

describe('twinkey:store', () => {
  it('publishes each call by its method', async () => {
    const { twinkey, primary, decide } = await createScene()
    const heard = listen('store')
    await decide(requestWith(primary))
    await twinkey.keys.list()
    await twinkey.flush()
    const ended = heard.filter(([stage]) => stage === 'asyncEnd')
    const operations = ended.map(([, { operation }]) => operation)
    expect(operations).toEqual(expect.arrayContaining(['get', 'list', 'recordUse']))
    for (const [, { error, durationSeconds }] of ended) {
      expect(error).toBeUndefined()
      expect(durationSeconds).toEqual(expect.any(Number))
    }
  })

  it('publishes a failure with its code', async () => {
    const { twinkey, key, outage } = await createScene()
    outage.error = new Error('down')
    const heard = listen('store')
    await expect(twinkey.keys.get(key.id)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(lastOf(heard)).toMatchObject({ operation: 'get', error: { code: 'store_unavailable' } })
  })
})

describe('channels', () => {
  it('get nothing while nobody listens, and also serve those who listen to one stage', async () => {
    const { primary, decide } = await createScene()
    await decide(requestWith(primary))
    const heard: unknown[] = []
    const hear = (message: unknown) => heard.push(message)
    for (const stage of ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
      const one = channel(`tracing:twinkey:authenticate:${stage}`)
      one.subscribe(hear)
      heard.length = 0
      await decide(requestWith(primary))
      expect([stage, heard.length]).toEqual([stage, ['start', 'end'].includes(stage) ? 1 : 0])
      one.unsubscribe(hear)
    }
    heard.length = 0
    await decide(requestWith(primary))
    expect(heard).toEqual([])
  })

  it.each([
    ['process', undefined],
    ['process.getBuiltinModule', {}],
    ['diagnostics channels', { getBuiltinModule: () => undefined }],
    ['tracing channels', { getBuiltinModule: () => ({}) }],
  ])('are not needed: a runtime without %s decides the same', async (_, process) => {
    vi.stubGlobal('process', process)
    try {
      const { twinkey, primary, decide } = await createScene()
      expect(await decide(requestWith(primary))).toMatchObject({ ok: true })
      expect(await decide(requestWith(primary))).toMatchObject({ ok: true })
      expect(await decide(requestWith('acme_1'))).toMatchObject({ ok: false })
      expect(await twinkey.tokens.issue(primary)).toMatchObject({ ok: true })
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
