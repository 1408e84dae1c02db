import type { Twinkey } from 'twinkey'
import { anyTarget, codeOf, decidedNow, sent, verdict } from '../support/sent.ts'
import type { Race, Stage } from './race.ts'
import { same, whoIs } from './race-management.ts'

// How often each caller sends a request.
const TURNS = 3

/** The way in which a key ends. */
type End = 'disable' | 'delete' | 'revoke'

const NEW = { name: 'k', scope: { tenants: ['t'], workflows: '*' } } as const

// Requests repeat while the key is ended. A caller may be accepted before, and must not be after.
function asking(
  { pause }: Stage,
  node: Twinkey,
  credential: string,
  seen: Set<string>,
  isOver = () => false,
): () => Promise<void> {
  return async () => {
    for (let turn = 0; turn < TURNS; turn++) {
      await pause()
      const found = await verdict(node, credential)
      if (found === 'let in' && isOver())
        throw new Error('who had to wait was let in when it was over')
      if (found !== 'let in' && found !== 'credential_invalid')
        throw new Error(`the verdict was ${found}`)
      seen.add(found)
    }
  }
}

// Both ways at once: synchronously, and joined to the read in flight.
async function isRefused(what: string, node: Twinkey, credential: string): Promise<void> {
  const now = decidedNow(node, sent({ credential }), anyTarget)
  if (now !== undefined) same(`${what}, without waiting`, codeOf(now), 'credential_invalid')
  same(what, await verdict(node, credential), 'credential_invalid')
}

function ending(
  name: string,
  end: End,
  askers: (
    stage: Stage,
    secret: string,
    seen: Set<string>,
    isOver: () => boolean,
  ) => Promise<(() => Promise<void>)[]>,
): Race {
  return {
    name,
    feed: false,
    async round(stage) {
      const { nodes } = stage
      const { key, primary, secondary } = await nodes[0].keys.create(NEW)
      const issued = await nodes[1].tokens.issue(primary)
      const credentials = [primary, secondary as string, issued.ok ? issued.token : '']
      if (stage.pick(2) === 0)
        for (const credential of credentials) await whoIs(nodes[0], credential)
      const seen = new Set<string>()
      let over = false
      await stage.together([
        ...(await askers(stage, primary, seen, () => over)),
        async () => {
          await stage.pause()
          await nodes[0].keys[end](key.id)
          over = true
          for (const credential of credentials)
            await isRefused(`after ${end}`, nodes[0], credential)
        },
        asking(stage, nodes[0], credentials[2] as string, seen, () => over),
      ])
      for (const credential of credentials)
        await isRefused('when all is done', nodes[0], credential)
      same(
        'the key',
        (await nodes[0].keys.get(key.id))?.state,
        { disable: 'disabled', delete: undefined, revoke: 'revoked' }[end],
      )
      return `${[...seen].sort().reverse().join(', then ')} while it went on`
    },
  }
}

/** A key is disabled while it is verified. */
export const disableVerify = ending(
  'disable/verify',
  'disable',
  async (stage, secret, seen, isOver) => [
    asking(stage, stage.nodes[0], secret, seen, isOver),
    asking(stage, stage.nodes[1], secret, seen),
  ],
)

/** A key is deleted while it is verified. */
export const deleteVerify = ending(
  'delete/verify',
  'delete',
  async (stage, secret, seen, isOver) => [
    asking(stage, stage.nodes[0], secret, seen, isOver),
    asking(stage, stage.nodes[1], secret, seen),
  ],
)

/** A key is revoked while a herd has the cache filled with it. */
export const revokeFill = ending('revoke/fill', 'revoke', async (stage, secret, seen, isOver) => [
  ...Array.from({ length: 4 }, () => asking(stage, stage.nodes[0], secret, seen, isOver)),
  async () => void (await stage.nodes[0].keys.verify(secret)),
  async () => void (await stage.nodes[0].tokens.issue(secret)),
])

/** Another node ends a key while this one reads it, and the feed reports it. */
export const invalidateLoad: Race = {
  name: 'invalidate/load',
  feed: true,
  async round(stage) {
    const [one, two] = stage.nodes
    const { key, primary } = await one.keys.create(NEW)
    await stage.told(key.id, 1)
    const seen = new Set<string>()
    const end = (['disable', 'revoke', 'delete', 'renew'] as const)[stage.pick(4)] as End | 'renew'
    await stage.together([
      asking(stage, two, primary, seen),
      asking(stage, two, primary, seen),
      async () => {
        await stage.pause()
        await (end === 'renew'
          ? one.keys.renew(key.id, { slots: 'primary' })
          : one.keys[end](key.id))
      },
    ])
    await stage.told(key.id, 1)
    await isRefused(`when the feed has told of ${end}`, two, primary)
    return `${end}: ${[...seen].sort().reverse().join(', then ')}`
  },
}

/**
 * Callers of several keys, slots and kinds, all at once at one node: each gets its own identity.
 */
export const callers: Race = {
  name: 'two callers',
  feed: false,
  async round(stage) {
    const node = stage.nodes[stage.pick(2)] as Twinkey
    const credentials = await credentialsOf(stage.nodes[0], ['ada', 'bob'])
    let letIn = 0
    await stage.together(
      Object.entries(credentials).map(([who, credential]) => async () => {
        for (let turn = 0; turn < 2; turn++) {
          await stage.pause()
          same('the caller', await whoIs(node, credential), who)
          letIn++
        }
      }),
    )
    return `${letIn} let in, each as itself`
  },
}

/** Every credential of some keys, by its identity. */
export async function credentialsOf(
  { keys, tokens }: Twinkey,
  names: readonly string[],
): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const { primary, secondary } = await keys.create({
      name,
      owner: name,
      scope: { tenants: [name], workflows: '*' },
    })
    const issued = await tokens.issue(primary, { scope: { workflows: ['w'] } })
    if (!issued.ok || secondary === null) throw new Error('no credential')
    found[`${name} primary secret`] = primary
    found[`${name} secondary secret`] = secondary
    found[`${name} primary token`] = issued.token
  }
  return found
}
