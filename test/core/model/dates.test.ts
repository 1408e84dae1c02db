import { runInNewContext } from 'node:vm'
import type { CreateKeyInput, ImportKeyInput } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { FIRST, importBench, SECOND } from '../../clients/imported.ts'
import { errorCodeOf } from '../../support/faults.ts'

const HOUR = 3_600_000
const SCOPE = { tenants: ['t1'], environments: '*', workflows: '*' } as const

const bench = importBench()
const { keys } = bench.twinkey
const later = bench.clock.now() + HOUR

const create = (expiresAt: unknown) =>
  keys.create({ name: 'n', scope: SCOPE, expiresAt } as CreateKeyInput)
const imported = (slots: object): ImportKeyInput =>
  ({ name: 'i', scope: SCOPE, ...slots }) as object as ImportKeyInput

/** A Date whose time is an hour later at each reading. */
class MovingDate extends Date {
  reads = 0
  override getTime(): number {
    return super.getTime() + this.reads++ * HOUR
  }
}

/** Objects that a caller may take for a time, and that are none. */
const NO_TIMES: [string, unknown][] = [
  ['an invalid Date', new Date(Number.NaN)],
  ['a Date before 1970', new Date(-1)],
  ['a proxy of a Date', new Proxy(new Date(later), {})],
  ['a Date that throws', Object.assign(new Date(later), { getTime: () => fail() })],
  ['a Date that returns text', Object.assign(new Date(later), { getTime: () => String(later) })],
  ['an object with a valueOf', { valueOf: () => later }],
  ['the text of a Date', new Date(later).toISOString()],
]

function fail(): never {
  throw new Error('no time')
}

describe('a Date as the expiry', () => {
  it('of a new key is stored as epoch milliseconds', async () => {
    const { key } = await create(new Date(later))
    expect(key.expiresAt).toBe(later)
    expect((await keys.get(key.id))?.expiresAt).toBe(later)
  })

  it('of an update is stored as epoch milliseconds', async () => {
    const { key } = await create(null)
    expect((await keys.update(key.id, { expiresAt: new Date(later) })).expiresAt).toBe(later)
    expect((await keys.update(key.id, { expiresAt: null })).expiresAt).toBeNull()
  })

  it('of an imported key and of its secrets is stored as epoch milliseconds', async () => {
    const key = await keys.import(
      imported({
        expiresAt: new Date(later + 2),
        primary: { secret: FIRST, entropyBits: 190, expiresAt: new Date(later) },
        secondary: {
          digest: 'ab'.repeat(32),
          encoding: 'hex',
          algorithm: 'sha-256',
          entropyBits: 256,
          expiresAt: new Date(later + 1),
        },
      }),
    )
    expect([key.expiresAt, key.primary.expiresAt, key.secondary?.expiresAt]).toEqual([
      later + 2,
      later,
      later + 1,
    ])
  })

  it('may come from another realm', async () => {
    const foreign: unknown = runInNewContext(`new Date(${later})`)
    expect(foreign instanceof Date).toBe(false)
    expect((await create(foreign)).key.expiresAt).toBe(later)
  })

  it('is read once, so that the checked time is the stored one', async () => {
    const moving = new MovingDate(later)
    expect((await create(moving)).key.expiresAt).toBe(later)
    expect(moving.reads).toBe(1)
    const { key } = await create(null)
    const updating = new MovingDate(later)
    expect((await keys.update(key.id, { expiresAt: updating })).expiresAt).toBe(later)
    expect(updating.reads).toBe(1)
    const importing = new MovingDate(later)
    const primary = { secret: SECOND, entropyBits: 190, expiresAt: importing }
    expect((await keys.import(imported({ primary }))).primary.expiresAt).toBe(later)
    expect(importing.reads).toBe(1)
  })

  it('in the past is refused like a number in the past', async () => {
    const past = new Date(bench.clock.now() - 1)
    await expect(create(past)).rejects.toMatchObject({
      code: 'invalid_input',
      message: 'expiresAt must be in the future.',
    })
  })

  it.each(NO_TIMES)('must be a valid one: %s is invalid_input', async (_, time) => {
    await expect(create(time)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(/^expiresAt must be a valid Date or a positive whole number /),
    })
    const { key } = await create(null)
    const update = keys.update(key.id, { expiresAt: time } as object)
    expect(await errorCodeOf(update)).toBe('invalid_input')
    const primary = { secret: FIRST, entropyBits: 190, expiresAt: time }
    await expect(keys.import(imported({ primary }))).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(/^primary\.expiresAt must be a valid Date /),
    })
  })
})
