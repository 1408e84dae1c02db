import type { RevokeAllInput } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { confirm, requireAnswerable } from '../confirm.ts'
import { counted } from '../counted.ts'
import { flagsOf, inputOf } from '../flags.ts'
import { plain } from '../io.ts'
import { writeJson } from '../show.ts'
import { usageError } from '../usage-error.ts'

const FAILED = 1

/** What a revocation does to the keys, by their numbers. */
interface Effect {
  readonly revoked: number
  /** Keys with further tenants, which lose the tenant. */
  readonly narrowed: number
  /** Keys that reach every tenant, also this one. They stay as they are. */
  readonly everyTenant: number
}

/** Revokes all keys of an owner or a tenant. */
export const REVOKE_ALL: Command = {
  words: 'keys revoke-all',
  summary: 'Revokes all keys of an owner or a tenant',
  flags: flagsOf('revokeAll'),
  examples: ['twinkey keys revoke-all --owner ada', 'twinkey keys revoke-all --tenant t1 --yes'],
  writes: true,
  async run(call) {
    const { given, io } = call
    if (given.has('owner') === given.has('tenant'))
      throw usageError('Give either --owner or --tenant.')
    requireAnswerable(call)
    const keyring = await call.keyring()
    const input = inputOf(
      'revokeAll',
      given,
      (await call.twinkey()).now(),
    ) as unknown as RevokeAllInput
    const expected = await effectOf(call, input)
    if (!(await confirm(call, questionOf(input, expected)))) return FAILED
    const { everyTenant } = expected
    if (io.err.isTerminal) io.err.write(`Revoking ${counted(expected.revoked, 'key')}…\n`)
    const result = await keyring.revokeAll(input)
    if (call.isJson)
      writeJson(call, input.tenant === undefined ? result : { ...result, everyTenant })
    else io.out.write(`${resultOf({ ...result, everyTenant })}\n`)
    return undefined
  },
}

// A list of the keys of a tenant has none of the keys that reach every tenant.
async function effectOf(call: Call, { owner, tenant }: RevokeAllInput): Promise<Effect> {
  const effect = { revoked: 0, narrowed: 0, everyTenant: 0 }
  for await (const { state, scope } of (await call.keyring()).all({ owner })) {
    if (state === 'revoked') continue
    const { tenants } = scope
    if (tenant === undefined) effect.revoked++
    else if (tenants === '*') effect.everyTenant++
    else if (tenants.includes(tenant)) effect[tenants.length > 1 ? 'narrowed' : 'revoked']++
  }
  return effect
}

function questionOf({ owner, tenant }: RevokeAllInput, effect: Effect): string {
  const whose = owner === undefined ? `tenant ${tenant}` : `owner ${owner}`
  const { revoked, narrowed, everyTenant } = effect
  const sentences = [
    `Revoke all keys of ${plain(whose)}?`,
    `${counted(revoked, 'key')} ${revoked === 1 ? 'ends' : 'end'} for good.`,
    ...(narrowed === 0
      ? []
      : [
          `${counted(narrowed, 'key')} with further tenants ${narrowed === 1 ? 'loses' : 'lose'} only this tenant.`,
        ]),
    ...(everyTenant === 0 ? [] : [untouched(everyTenant)]),
    'This cannot be undone.',
  ]
  return sentences.join(' ')
}

function resultOf({ revoked, narrowed, everyTenant }: Effect): string {
  const sentences = [
    `Revoked ${counted(revoked, 'key')}.`,
    ...(narrowed === 0
      ? []
      : [`${counted(narrowed, 'key')} with further tenants lost the tenant.`]),
    ...(everyTenant === 0
      ? []
      : [`${untouched(everyTenant)} Revoke such a key with \`twinkey keys revoke ID\`.`]),
  ]
  return sentences.join(' ')
}

function untouched(everyTenant: number): string {
  return everyTenant === 1
    ? '1 key reaches every tenant and stays as it is.'
    : `${everyTenant} keys reach every tenant and stay as they are.`
}
