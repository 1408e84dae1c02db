import { inspect } from 'node:util'
import { isTwinkeyError, type KeyringLimits } from 'twinkey'
import { bearer } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'

const LIMITS: KeyringLimits = {
  actor: 'ada',
  owner: 'ada',
  grantable: { tenants: ['acme'], environments: ['Production'], workflows: ['customers.read'] },
}

/** A user manages her own keys, and an operator reads the history. */
export async function tourOwnKeys({ narrator, twinkey }: TourParts, key: TourKey): Promise<void> {
  const { chapter, step, note, act, call } = narrator
  const ofAda = twinkey.keys.within(LIMITS)
  const ofGrace = twinkey.keys.within({ ...LIMITS, actor: 'grace', owner: 'grace' })
  chapter('Users manage their own keys')

  step('Ada gets a keyring that sees only her keys, and grants only what she may reach herself.')
  await act(
    `const ofAda = twinkey.keys.within(${inspect(LIMITS, { breakLength: 100 })})`,
    async () => {},
  )
  const input = {
    name: 'report',
    scope: { tenants: ['acme'], environments: ['Production'], workflows: ['customers.read'] },
  }
  let secret = ''
  await act(`await ofAda.create(${inspect(input, { breakLength: 100 })})`, async () => {
    secret = (await ofAda.create(input)).primary
    note(`// primary: ${secret}`)
  })
  await call(200, { path: '/v1/customers/c1', headers: bearer(secret) })

  step('She cannot grant more than that.')
  const wide = { ...input, scope: { ...input.scope, workflows: '*' as const } }
  await act("await ofAda.create({ …, scope: { …, workflows: '*' } })", async () =>
    note(`// ${await errorOf(() => ofAda.create(wide))}`),
  )

  step("Grace does not see Ada's key: it looks like one that does not exist.")
  await act('await ofGrace.disable(id)', async () =>
    note(`// ${await errorOf(() => ofGrace.disable(key.id))}`),
  )

  step('The history of a key says who changed it, and when. It was written with each change.')
  await act('await twinkey.keys.history({ keyId: id })', async () => {
    const { entries } = await twinkey.keys.history({ keyId: key.id })
    for (const { at, type, actor } of entries)
      note(`// ${new Date(at).toISOString()} ${type} by ${actor}`)
  })
}

async function errorOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
  } catch (error) {
    if (isTwinkeyError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('The tour expected an error here, and there was none.')
}
