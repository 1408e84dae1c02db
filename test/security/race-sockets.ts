import { createTwinkey, from, memoryStore } from 'twinkey'
import { converse } from '../http/converse.ts'
import type { hosts } from '../http/hosts.ts'
import type { Route } from '../http/routes.ts'
import { settled } from '../support/gate.ts'
import { pausedStore, seeded } from '../support/racing-store.ts'
import { shortSigningKey } from '../support/signing-key.ts'
import type { Broken, Tally } from './race.ts'
import { same } from './race-management.ts'
import { credentialsOf } from './race-verdicts.ts'

const NAMES = ['ada', 'bob', 'cyd', 'dan'] as const
// Fewer than there are callers, so that most requests read the store.
const CACHED_KEYS = 2
const CONNECTIONS = 8
const PAIRS_PER_CONNECTION = 25

const routes: readonly Route[] = [
  { method: 'GET', path: '/whoami', requirement: { anyTarget: true } },
  {
    method: 'GET',
    path: '/tenants/:tenant',
    requirement: { tenant: from.param('tenant'), environment: 'production', workflow: 'w' },
  },
]

/**
 * Sends pairs of requests of different callers at once, on each of several connections, to a server
 * with a slow store, and checks whom each answer names as the caller.
 */
export async function runOnHost(
  name: string,
  start: (typeof hosts)[string],
  {
    rounds,
    seed,
    broken = {},
  }: { readonly rounds: number; readonly seed: number; readonly broken?: Broken },
): Promise<Tally> {
  const random = seeded(seed)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T
  const slow = pausedStore(memoryStore(), async () => {
    for (let left = Math.floor(random() * 4); left > 0; left--) await settled()
  })
  const tokens = {
    issuer: 'https://api.test',
    audience: 'https://api.test',
    signingKeys: [shortSigningKey()],
  }
  const sound = createTwinkey({
    store: slow,
    environments: ['production'],
    tokens,
    cache: { maxKeys: CACHED_KEYS },
  })
  const credentials = await credentialsOf(sound, NAMES)
  const host = await start(broken.twinkey?.(sound) ?? sound, { routes, tokens: {} })
  const outcomes: Record<string, number> = {}
  let wrong = 0
  let first: string | undefined
  let begun = 0

  const connection = async () => {
    while (begun < rounds) {
      const pairs: (readonly [string, string])[] = []
      for (; pairs.length < PAIRS_PER_CONNECTION && begun < rounds; begun++) {
        const one = pick(Object.keys(credentials))
        pairs.push([one, pick(Object.keys(credentials).filter((who) => who !== one))])
      }
      const targets = pairs.map((pair) =>
        pair.map((who) => pick(['/whoami', `/tenants/${who.split(' ')[0]}`])),
      )
      const said = pairs.map((pair, i) => ({
        bytes: pair
          .map((who, j) => requestOf(targets[i]?.[j] as string, credentials[who] as string))
          .join(''),
        answers: 2,
      }))
      const heard = await converse(host.port, said)
      for (const [i, pair] of pairs.entries()) {
        try {
          for (const [j, who] of pair.entries()) {
            const answer = heard[2 * i + j]
            same('the caller', answer && callerIn(answer.body), who)
          }
          const what =
            pair[0].split(' ')[0] === pair[1].split(' ')[0] ? 'the same key' : 'different keys'
          outcomes[what] = (outcomes[what] ?? 0) + 1
        } catch (error) {
          wrong++
          first ??= `seed ${seed}: ${String(error)}`
        }
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  } finally {
    await host.close()
    await sound.close()
  }
  return {
    race: `two callers on ${name}`,
    rounds,
    outcomes,
    wrong,
    ...(first === undefined ? {} : { first }),
  }
}

function requestOf(target: string, credential: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${credential}\r\n\r\n`
}

function callerIn(body: string): string {
  const { name, slot, via } = JSON.parse(body) as Record<string, string>
  return `${name} ${slot} ${via}`
}
