import {
  type ApiKey,
  createTwinkey,
  type HistoryEntry,
  isTwinkeyError,
  type KeyStore,
  type Twinkey,
} from 'twinkey'
import { type Call, expectCalls, expectChanges, expectLedger } from './history-race-checks.ts'
import { faulty, type Ledger, type RaceOptions, recorded } from './history-race-faults.ts'

const WRITERS = 8
const CHANGES = 4

/**
 * Changes one key by eight writers on two nodes, and then deletes it by two. Then the history must
 * be exactly what was written.
 *
 * @returns How often each fault and each outcome occurred.
 */
export async function historyRace(
  stores: readonly [KeyStore, KeyStore],
  options: RaceOptions,
): Promise<Map<string, number>> {
  const { random, deadlineSeconds } = options
  const ledger: Ledger = { records: [], deleted: [], underWay: [], faults: new Map() }
  const events: HistoryEntry[] = []
  const [one, two] = stores.map((store) =>
    createTwinkey({
      store: faulty(recorded(store, ledger), ledger, options),
      onEvent: (event) => {
        if (event.type.startsWith('key.')) events.push(event as HistoryEntry)
      },
      deadlineSeconds,
      ...(options.now && { now: options.now }),
    }),
  ) as [Twinkey, Twinkey]
  const id = await create(one)
  const calls: Call[] = []
  const call = async (actor: string, kind: string, change: () => Promise<unknown>) => {
    const outcome = await change().then(
      () => 'done',
      (error) => {
        if (!isTwinkeyError(error)) throw error
        return error.code as string
      },
    )
    calls.push({ actor, kind, outcome })
  }
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const { keys } = writer % 2 === 0 ? one : two
      for (let turn = 0; turn < CHANGES; turn++) {
        const actor = `w${writer}-${turn}`
        const kind = KINDS[Math.floor(random() * KINDS.length)] as keyof typeof CHANGE
        await call(actor, kind, () => CHANGE[kind](keys, id, actor))
      }
    }),
  )
  await Promise.all(
    [one, two].map(({ keys }, i) =>
      call(`d${i}`, 'delete', () => keys.delete(id, { actor: `d${i}` })),
    ),
  )
  await Promise.all(ledger.underWay)
  const history = await historyOf(stores[0], id)
  expectLedger(history, ledger)
  expectChanges(history, ledger)
  expectCalls(history, calls, events)
  const tally = new Map<string, number>(ledger.faults)
  for (const { outcome } of calls) tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
  await Promise.all([one.close(), two.close()])
  return tally
}

const CHANGE = {
  update: (keys: Twinkey['keys'], id: string, actor: string) =>
    keys.update(id, { actor, name: actor, scope: { tenants: [`t-${actor}`] } }),
  renew: (keys: Twinkey['keys'], id: string, actor: string) =>
    keys.renew(id, { actor, slots: 'both' }),
  renewOne: (keys: Twinkey['keys'], id: string, actor: string) =>
    keys.renew(id, { actor, slots: 'secondary' }),
  rotate: (keys: Twinkey['keys'], id: string, actor: string) =>
    keys.rotate(id, { actor, replace: 'secondary' }),
  endSecondary: (keys: Twinkey['keys'], id: string, actor: string) =>
    keys.endSecondary(id, { actor }),
  disable: (keys: Twinkey['keys'], id: string, actor: string) => keys.disable(id, { actor }),
  enable: (keys: Twinkey['keys'], id: string, actor: string) => keys.enable(id, { actor }),
} satisfies Record<string, (...args: never[]) => Promise<unknown>>
const KINDS = Object.keys(CHANGE)

async function create({ keys }: Twinkey): Promise<string> {
  for (;;) {
    try {
      const made: { key: ApiKey } = await keys.create({
        name: 'n',
        scope: { tenants: ['t'], workflows: '*' },
        actor: 'creator',
      })
      return made.key.id
    } catch (error) {
      if (!isTwinkeyError(error)) throw error
    }
  }
}

async function historyOf(store: KeyStore, keyId: string): Promise<HistoryEntry[]> {
  const reader = createTwinkey({ store })
  const found: HistoryEntry[] = []
  let cursor: string | undefined
  do {
    const page = await reader.keys.history({ keyId, limit: 10, cursor })
    found.push(...page.entries)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  await reader.close()
  return found.reverse()
}
