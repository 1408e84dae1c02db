import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTwinkey, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createKeyCache } from '../../../src/core/decision/key-cache.ts'
import { createRecogniser } from '../../../src/core/decision/recogniser.ts'
import type { TokenVerifier } from '../../../src/core/decision/token-verifier.ts'
import type { KeyRecord } from '../../../src/core/model/api-key.ts'
import { digestSecret } from '../../../src/core/secrets/digest.ts'
import { mintSecret } from '../../../src/core/secrets/secret.ts'
import { createClock } from '../../support/clock.ts'
import { seeded } from '../../support/racing-store.ts'
import { rounds } from '../../support/rounds.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const NO_TOKENS = { recall: () => undefined } as unknown as TokenVerifier

/** A cache over records that a test changes, and a recogniser with and without the digest table. */
async function createScene(maxKeys: number) {
  const clock = createClock()
  const store = memoryStore()
  const scope = { tenants: ['t'], workflows: '*' } as const
  const { key } = await createTwinkey({ store, now: clock.now }).keys.create({ name: 'n', scope })
  const template = (await store.get(key.id)) as KeyRecord
  const records = new Map<string, KeyRecord>()
  const get = async (id: string) => records.get(id)
  const cache = createKeyCache({ get }, { maxKeys, maxAgeMilliseconds: 1000, now: clock.now })
  const parts = { prefixes: ['tk'], pepper: undefined, importedSecrets: [], tokens: NO_TOKENS }
  const plain = { ...cache, recent: () => undefined }
  return {
    clock,
    cache,
    byDigest: createRecogniser({ keys: cache, ...parts }),
    byRecord: createRecogniser({ keys: plain, ...parts }),
    /** Stores a key with these secrets, active or disabled. */
    write(id: string, [first, second]: readonly string[], isActive: boolean, expiresAt?: number) {
      const slot = (text: string, name: string) => ({
        ...template.primary,
        id: `${name}${id}`.slice(0, 16),
        digest: digestSecret(text, undefined),
      })
      records.set(id, {
        ...template,
        id,
        disabledBy: isActive ? null : { actor: null, owner: null, tenants: null, at: 0 },
        expiresAt: expiresAt ?? null,
        primary: slot(first as string, '1'),
        secondary: second === undefined ? null : slot(second, '2'),
      })
    },
    remove: (id: string) => records.delete(id),
  }
}

describe('a secret is found by its digest', () => {
  it('exactly if it would be found by its record at that moment', async () => {
    let found = 0
    for (let seed = 0; seed < rounds(200); seed++) {
      const random = seeded(seed)
      const below = (limit: number) => Math.floor(random() * limit)
      const scene = await createScene(1 + below(4))
      const { clock, cache, byDigest, byRecord } = scene
      const ids = Array.from({ length: 5 }, (_, i) => `key${i}`.padEnd(16, '0'))
      const secrets = ids.map((id) => Array.from({ length: 3 }, () => mintSecret('tk', id)))
      const rewrite = (i: number) => {
        const [one, other] = [0, 1].map(() => secrets[i]?.[below(3)] as string)
        const slots = below(3) === 0 ? [one as string] : [one as string, other as string]
        const expiresAt = below(4) === 0 ? clock.now() + below(1500) : undefined
        scene.write(ids[i] as string, slots, below(4) > 0, expiresAt)
      }
      for (const [i] of ids.entries()) rewrite(i)
      for (let step = 0; step < 150; step++) {
        const i = below(ids.length)
        const id = ids[i] as string
        const act = [
          () => rewrite(i),
          () => scene.remove(id),
          () => cache.forget(id),
          () => below(5) === 0 && cache.forget(undefined),
          () => clock.advance(below(600) - 100),
          () => cache.load(id),
          () => cache.load(id),
          () => cache.load(id),
        ][below(8)]
        await act?.()
        for (const text of secrets.flat()) {
          const age = below(4) === 0 ? 'any' : 'fresh'
          const ask = (by: typeof byDigest) => by({ text }, 'secret', clock.now(), age)
          const identity = ask(byDigest)
          if (identity !== ask(byRecord)) expect.fail(`seed ${seed}, step ${step}`)
          if (identity !== undefined) found++
        }
      }
    }
    expect(found).toBeGreaterThan(rounds(200) * 50)
  })

  it('and its record is released when it leaves the cache', async () => {
    const { clock, cache, byDigest, write } = await createScene(10)
    const released: WeakRef<object>[] = []
    const id = 'key'.padEnd(16, '0')
    for (let i = 0; i < 200; i++) {
      const text = mintSecret('tk', id)
      write(id, [text], true)
      released.push(new WeakRef(await cache.load(id)))
      for (let turn = 0; turn < 2; turn++)
        expect(byDigest({ text }, 'secret', clock.now())?.key?.id).toBe(id)
      cache.forget(id)
    }
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    expect(released.filter((each) => each.deref() !== undefined).length).toBeLessThan(10)
    // Keeps the cache itself alive until here.
    expect(cache.last(id)).toBeUndefined()
  })
})
