import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import type { Requirement, WireRequest } from 'twinkey'
import type { StoredKey } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import { type Bench, ISSUER } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { codeOf, verdict } from '../support/sent.ts'
import { both, FIRST, importBench, input, pepper, SECOND, slotIn } from './imported.ts'

describe('an imported secret', () => {
  it('is exchanged for a token that expires with it', async () => {
    const { twinkey } = importBench()
    const { id } = await twinkey.keys.import(both())
    const issued = await twinkey.tokens.issue(SECOND)
    const token = issued.ok ? issued.token : ''
    expect((await twinkey.tokens.verify(token)).ok).toBe(true)
    await twinkey.keys.renew(id, { slots: 'secondary' })
    expect(codeOf(await twinkey.tokens.verify(token))).toBe('credential_invalid')
  })

  it('rotates into a Twinkey secret, and expires after the grace', async () => {
    const bench = importBench({ pepper })
    const { id } = await bench.twinkey.keys.import(input())
    const { primary: secret } = await bench.twinkey.keys.rotate(id, { graceSeconds: 60 })
    expect(secret).toMatch(/^tk_/)
    expect([await slotIn(bench, secret), await slotIn(bench, FIRST)]).toEqual([
      'primary',
      'secondary',
    ])
    bench.clock.advance(60_000)
    expect([await slotIn(bench, secret), await slotIn(bench, FIRST)]).toEqual([
      'primary',
      'credential_invalid',
    ])
  })

  it('is ended by renew in its slot, and the other secret is not', async () => {
    const bench = importBench()
    const { id } = await bench.twinkey.keys.import(both())
    const { primary: secret } = await bench.twinkey.keys.renew(id, { slots: 'primary' })
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'credential_invalid',
      'secondary',
    ])
    expect(await slotIn(bench, secret)).toBe('primary')
  })

  it('is refused while its key is disabled, and for good once it is revoked', async () => {
    const { twinkey } = importBench()
    const { id } = await twinkey.keys.import(both())
    const verdicts = async () => [await verdict(twinkey, FIRST), await verdict(twinkey, SECOND)]
    await twinkey.keys.disable(id)
    expect(await verdicts()).toEqual(['credential_invalid', 'credential_invalid'])
    await twinkey.keys.enable(id)
    expect(await verdicts()).toEqual(['let in', 'let in'])
    await twinkey.keys.revoke(id)
    expect(await verdicts()).toEqual(['credential_invalid', 'credential_invalid'])
  })

  it('leaves nothing in the store when its key is deleted, and can be imported again', async () => {
    const bench = importBench()
    const kept = new Set<string>()
    const { inner } = bench.spy
    bench.spy.override({
      put: async (next, expectedVersion, entry) =>
        inner.put(next, expectedVersion, entry).finally(() => kept.add(next.id)),
      delete: async (id, expectedVersion, entry) =>
        inner.delete(id, expectedVersion, entry).finally(() => kept.delete(id)),
    })
    const { id } = await bench.twinkey.keys.import(both())
    expect(kept.size).toBe(3)
    await bench.twinkey.keys.delete(id)
    expect([...kept]).toEqual([])
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    await bench.twinkey.keys.import(both())
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'primary',
      'secondary',
    ])
  })

  it('is found by an alias that is not a key: neither listed nor shown nor changed', async () => {
    const { twinkey, spy } = importBench()
    const aliases: string[] = []
    spy.override({
      put: async (next, expectedVersion, entry) => {
        if (next.kind === 'alias') aliases.push(next.id)
        return spy.inner.put(next, expectedVersion, entry)
      },
    })
    const key = await twinkey.keys.import(both())
    expect(new Set(aliases).size).toBe(2)
    expect((await twinkey.keys.list()).keys.map(({ id }) => id)).toEqual([key.id])
    for (const id of aliases) {
      expect(await twinkey.keys.get(id)).toBeUndefined()
      expect(await errorCodeOf(twinkey.keys.disable(id))).toBe('key_not_found')
      expect(await errorCodeOf(twinkey.keys.delete(id))).toBe('key_not_found')
    }
  })

  it('is in no record, event, key or decision, and its digest only in the record', async () => {
    const written: StoredKey[] = []
    const bench = importBench()
    bench.spy.override({
      put: async (next, expectedVersion, entry) => {
        written.push(next)
        return bench.spy.inner.put(next, expectedVersion, entry)
      },
    })
    const { keys, tokens } = bench.twinkey
    const key = await keys.import({ ...both(), actor: 'migration' })
    const outputs: unknown[] = [
      key,
      bench.twinkey,
      await keys.verify(FIRST),
      await tokens.issue(SECOND),
      await keys.list(),
      bench.events,
    ]
    await keys.import(both()).catch((error: unknown) => outputs.push(error))
    const shown = (value: unknown) =>
      inspect(value, { depth: null, showHidden: true, getters: true }) + JSON.stringify(value)
    expect(bench.events[0]).toMatchObject({
      type: 'key.imported',
      keyId: key.id,
      name: 'moved',
      owner: 'ada',
      actor: 'migration',
    })
    for (const secret of [FIRST, SECOND]) {
      const digest = createHash('sha256').update(secret).digest('base64url')
      for (const part of [secret, secret.slice(0, -4), secret.slice(4, 30)])
        expect(shown([outputs, written])).not.toContain(part)
      expect(shown(outputs)).not.toContain(digest)
      expect(shown(written.filter(({ kind }) => kind === 'alias'))).not.toContain(digest)
    }
  })
})

describe('an imported secret that looks like a Twinkey token', () => {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const LOOKALIKE = `${encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'x' })}.${encoded({ iss: ISSUER })}.${'A'.repeat(86)}`
  const importedSecrets = [{ algorithm: 'sha-256', minLength: 16, maxLength: 256 }] as const
  const asked = { method: 'GET', url: '/', param: () => undefined }
  const inField = (of: string, value: string): WireRequest => ({
    ...asked,
    header: (name) => (name === of ? value : undefined),
  })

  async function answers({ twinkey }: Bench, optional: boolean): Promise<string[]> {
    const requests = [
      inField('authorization', `Bearer ${LOOKALIKE}`),
      inField('x-api-key', LOOKALIKE),
    ]
    const decisions = await Promise.all(
      requests.map((each) =>
        twinkey.authenticate(each, { anyTarget: true, optional } as Requirement),
      ),
    )
    return decisions.map((decision) =>
      decision.ok ? (decision.principal?.name ?? 'nobody') : decision.refusal.code,
    )
  }

  it('gets the same answer as Bearer and as X-API-Key, in every state of its key', async () => {
    const bench = importBench({ importedSecrets })
    const { keys } = bench.twinkey
    for (const optional of [false, true]) {
      expect(await answers(bench, optional)).toEqual(['credential_invalid', 'credential_invalid'])
      const { id } = await keys.import(input({ primary: { secret: LOOKALIKE, entropyBits: 128 } }))
      bench.clock.advance(2000)
      for (const _ of ['cold', 'warm'])
        expect(await answers(bench, optional)).toEqual(['moved', 'moved'])
      await keys.disable(id)
      expect(await answers(bench, optional)).toEqual(['credential_invalid', 'credential_invalid'])
      expect(bench.events.at(-1)).toMatchObject({
        type: 'access.refused',
        reason: 'key_disabled',
        keyId: id,
      })
      expect(bench.events.at(-2)).toMatchObject({
        type: 'access.refused',
        reason: 'key_disabled',
        keyId: id,
      })
      await keys.delete(id)
      bench.clock.advance(2000)
    }
  })

  it('is not a token on a route that accepts tokens only', async () => {
    const bench = importBench({ importedSecrets })
    await bench.twinkey.keys.import(input({ primary: { secret: LOOKALIKE, entropyBits: 128 } }))
    const request = inField('authorization', `Bearer ${LOOKALIKE}`)
    expect(
      codeOf(await bench.twinkey.authenticate(request, { anyTarget: true, accept: ['token'] })),
    ).toBe('credential_invalid')
  })

  it('causes no look-up for a refused token that could not have been imported', async () => {
    const bench = importBench({
      importedSecrets: [{ ...importedSecrets[0], maxLength: LOOKALIKE.length - 1 }],
    })
    const request = inField('authorization', `Bearer ${LOOKALIKE}`)
    expect(codeOf(await bench.twinkey.authenticate(request, { anyTarget: true }))).toBe(
      'credential_invalid',
    )
    expect(bench.spy.calls.get).toBe(0)
    expect(bench.events.at(-1)).toMatchObject({
      type: 'access.refused',
      reason: 'token_key_unknown',
    })
  })
})
