import type { ApiKey, Keyring, RenewOptions, RotateOptions } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { confirm, requireAnswerable } from '../confirm.ts'
import { flagsOf, inputOf } from '../flags.ts'
import { keyWords, writeJson, writeKey, writeRenewed } from '../show.ts'
import { usageError } from '../usage-error.ts'
import { keyIdOf, requireKey } from './key-id.ts'

const FAILED = 1
const ID = { name: 'ID' }

/** What a change shows: the key, with the secrets that it made. */
interface Changed {
  readonly key: ApiKey
  readonly primary?: string | null
  readonly secondary?: string | null
}
type ChangeName = 'update' | 'rotate' | 'renew' | 'endSecondary' | 'disable' | 'enable' | 'revoke'
type Input = Readonly<Record<string, unknown>>

interface Change {
  readonly operation: ChangeName
  readonly words: string
  readonly summary: string
  readonly examples: readonly string[]
  /** Whether the change ends something for good. Default: never. */
  isFinal?(input: Input): boolean
  /** What to ask before a final change. */
  question?(key: ApiKey, input: Input): string
  make(keyring: Keyring, id: string, input: Input): Promise<Changed>
}

const CHANGES: readonly Change[] = [
  {
    operation: 'update',
    words: 'keys update',
    summary: 'Changes the attributes of a key that are given',
    examples: ['twinkey keys update aHl5AfxTFtcSqHBp --workflow customers.read --expires 90d'],
    async make(keyring, id, input) {
      if (Object.keys(input).every((name) => name === 'expectedVersion'))
        throw usageError('Give what to change, like --name or --expires.')
      return { key: await keyring.update(id, input) }
    },
  },
  {
    operation: 'rotate',
    words: 'keys rotate',
    summary: 'Makes a new primary secret. The old one works for a grace period',
    examples: ['twinkey keys rotate aHl5AfxTFtcSqHBp --grace 7d'],
    isFinal: ({ graceSeconds, replace }) => replace !== undefined || graceSeconds === 0,
    question: (key, { replace }) =>
      `End the ${replace === undefined ? 'primary' : 'secondary'} secret of ${keyWords(key)} now?`,
    make: (keyring, id, input) => keyring.rotate(id, input as RotateOptions),
  },
  {
    operation: 'renew',
    words: 'keys renew',
    summary: 'Replaces the secret in one slot or in both. The old one ends now',
    examples: ['twinkey keys renew aHl5AfxTFtcSqHBp --slots secondary'],
    isFinal: () => true,
    question: (key, { slots }) =>
      slots === 'both'
        ? `Replace both secrets of ${keyWords(key)}? The old ones end now.`
        : `Replace the ${slots} secret of ${keyWords(key)}? The old one ends now.`,
    make: (keyring, id, input) => keyring.renew(id, input as unknown as RenewOptions),
  },
  {
    operation: 'endSecondary',
    words: 'keys end-secondary',
    summary: 'Ends the secondary secret now',
    examples: ['twinkey keys end-secondary aHl5AfxTFtcSqHBp'],
    isFinal: () => true,
    question: (key) => `End the secondary secret of ${keyWords(key)} now?`,
    make: async (keyring, id, input) => ({ key: await keyring.endSecondary(id, input) }),
  },
  {
    operation: 'disable',
    words: 'keys disable',
    summary: 'Stops a key until it is enabled',
    examples: ['twinkey keys disable aHl5AfxTFtcSqHBp'],
    make: async (keyring, id, input) => ({ key: await keyring.disable(id, input) }),
  },
  {
    operation: 'enable',
    words: 'keys enable',
    summary: 'Enables a disabled key, with the same secrets',
    examples: ['twinkey keys enable aHl5AfxTFtcSqHBp'],
    make: async (keyring, id, input) => ({ key: await keyring.enable(id, input) }),
  },
  {
    operation: 'revoke',
    words: 'keys revoke',
    summary: 'Ends a key for good and keeps its record',
    examples: ['twinkey keys revoke aHl5AfxTFtcSqHBp'],
    isFinal: () => true,
    question: (key) => `Revoke ${keyWords(key)}? This cannot be undone.`,
    make: async (keyring, id, input) => ({ key: await keyring.revoke(id, input) }),
  },
]

/** Commands that change one key. */
export const CHANGING: readonly Command[] = [
  ...CHANGES.map(
    (change): Command => ({
      words: change.words,
      summary: change.summary,
      argument: ID,
      flags: flagsOf(change.operation),
      examples: change.examples,
      writes: true,
      run: (call) => runChange(change, call),
    }),
  ),
  {
    words: 'keys delete',
    summary: 'Ends a key for good and deletes its record',
    argument: ID,
    flags: flagsOf('delete'),
    examples: ['twinkey keys delete aHl5AfxTFtcSqHBp'],
    writes: true,
    async run(call) {
      keyIdOf(call)
      requireAnswerable(call)
      const key = await requireKey(call)
      const input = inputOf('delete', call.given, (await call.twinkey()).now())
      if (!(await confirm(call, `Delete ${keyWords(key)}? This cannot be undone.`))) return FAILED
      await (await call.keyring()).delete(key.id, input)
      if (call.isJson) writeJson(call, { deleted: key.id })
      else call.io.out.write(`Deleted ${keyWords(key)}.\n`)
      return undefined
    },
  },
]

async function runChange(change: Change, call: Call): Promise<number | undefined> {
  const id = keyIdOf(call)
  const keyring = await call.keyring()
  const now = (await call.twinkey()).now()
  const input = inputOf(change.operation, call.given, now)
  if (change.isFinal?.(input) && !call.given.has('yes')) {
    requireAnswerable(call)
    const question = change.question?.(await requireKey(call), input) ?? ''
    if (!(await confirm(call, question))) return FAILED
  }
  const changed = await change.make(keyring, id, input)
  const { key, primary = null, secondary = null } = changed
  if ('primary' in changed) writeRenewed(call, { key, primary, secondary }, now)
  else if (call.isJson) writeJson(call, key)
  else writeKey(call, key, now)
  return undefined
}
