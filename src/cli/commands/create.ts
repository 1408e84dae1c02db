import type { CreateKeyInput } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { flagsOf, inputOf } from '../flags.ts'
import { writeRenewed } from '../show.ts'
import { usageError } from '../usage-error.ts'

const IDEMPOTENCY = {
  name: 'idempotency-key',
  value: 'TEXT',
  help: 'Create the key once, even if the command is repeated with this text',
}

/** Creates a key. */
export const CREATE: Command = {
  words: 'keys create',
  summary: 'Creates a key and shows its secrets once',
  flags: [...flagsOf('create'), IDEMPOTENCY],
  examples: [
    'twinkey keys create --name Billing --owner ada --tenant t1 --workflow customers.read',
    'twinkey keys create --name Nightly --tenant t1 --workflow reports.run --expires 90d --limit 1000/minute --network 192.0.2.0/24',
  ],
  writes: true,
  async run(call) {
    const keyring = await call.keyring()
    const now = (await call.twinkey()).now()
    const input = createInput(call, now)
    const once = call.given.get(IDEMPOTENCY.name)?.[0]
    const created =
      once === undefined ? await keyring.create(input) : await keyring.createOnce(input, once)
    writeRenewed(call, created, now)
    if (created.primary === null && !call.isJson)
      call.io.err.write('An earlier command created this key. Its secrets cannot be shown again.\n')
    return undefined
  },
}

function createInput({ given }: Call, now: number): CreateKeyInput {
  const input = inputOf('create', given, now)
  for (const axis of ['tenant', 'workflow'])
    if (!given.has(axis)) throw usageError(`Give --${axis}: each name, or '*' for all.`)
  return input as unknown as CreateKeyInput
}
