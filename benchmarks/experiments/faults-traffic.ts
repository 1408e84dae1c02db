import {
  createTwinkey,
  generateSigningKey,
  isTwinkeyError,
  type KeyStore,
  type Twinkey,
} from 'twinkey'

export const DEADLINE_SECONDS = 0.5
export const MAX_AGE_SECONDS = 1

const TENANT = 't'
const ASKING_AT_ONCE = 12
const PAUSE_MILLISECONDS = 25
const MAX_DEAD = 200
// Errors that management calls may throw while the store fails.
const FAULTS: readonly string[] = ['store_unavailable', 'store_malformed', 'outcome_unknown']

/** The counts of the traffic so far. */
export interface Counts {
  decisions: number
  letIn: number
  refused: number
  unavailable: number
  /** Accepted requests with an inactive or never issued credential. */
  wronglyAccepted: number
  /** Refusals of an active credential with another code than `unavailable`. */
  wronglyRefused: number
  /** Rejections of `authenticate`, and of management calls with other errors than store errors. */
  strange: string[]
  longestMilliseconds: number
  /** Decisions over half of the deadline, and rounds of management over the whole deadline. */
  late: number
  managed: number
  /** Management calls that rejected with a store error. */
  failed: number
}

/** Continuous requests and management calls on several nodes of one store. */
export interface Traffic {
  readonly counts: Counts
  /**
   * When an active credential was last refused or a management call last failed, by
   * `performance.now()`.
   */
  lastBadAt(): number
  /** Runs a function while no management call is in flight. */
  withoutWrites(work: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

interface Credential {
  readonly text: string
  readonly live: boolean
}

/** Starts the traffic. The stores must be working. */
export async function startTraffic(stores: readonly KeyStore[]): Promise<Traffic> {
  const tokens = { issuer: 'figure', audience: 'figure', signingKeys: [await generateSigningKey()] }
  const cache = { maxAgeSeconds: MAX_AGE_SECONDS }
  const nodes = stores.map((store) =>
    createTwinkey({ store, tokens, cache, deadlineSeconds: DEADLINE_SECONDS }),
  )
  const patient = createTwinkey({ store: stores[0] as KeyStore, tokens, deadlineSeconds: 60 })
  const known = await knownCredentials(patient)
  await patient.close()
  // Keys that were ended during a fault, and whose end was acknowledged.
  const ended: Credential[] = []
  const counts: Counts = {
    ...{
      decisions: 0,
      letIn: 0,
      refused: 0,
      unavailable: 0,
      wronglyAccepted: 0,
      wronglyRefused: 0,
    },
    ...{ strange: [], longestMilliseconds: 0, late: 0, managed: 0, failed: 0 },
  }
  let badAt = 0
  let stopped = false
  let managing = 0
  let mayManage = Promise.resolve()

  const bad = () => {
    badAt = performance.now()
  }

  async function ask(node: Twinkey, { text, live }: Credential): Promise<void> {
    const began = performance.now()
    const request = new Request('https://api.example/', {
      headers: { authorization: `Bearer ${text}` },
    })
    try {
      const decision = await node.authenticate(request, { tenant: TENANT })
      if (decision.ok) {
        counts.letIn++
        if (!live) counts.wronglyAccepted++
      } else if (decision.refusal.code === 'unavailable') {
        counts.unavailable++
        if (live) bad()
      } else {
        counts.refused++
        if (live) {
          counts.wronglyRefused++
          bad()
        } else if (decision.refusal.code !== 'credential_invalid')
          counts.strange.push(decision.refusal.code)
      }
    } catch (error) {
      counts.strange.push(`authenticate: ${error}`)
    }
    const took = Math.round(performance.now() - began)
    counts.decisions++
    counts.longestMilliseconds = Math.max(counts.longestMilliseconds, took)
    if (took > 500 * DEADLINE_SECONDS) counts.late++
  }

  async function asking(node: Twinkey, from: number): Promise<void> {
    for (let turn = from; !stopped; turn += ASKING_AT_ONCE) {
      const all = [...known, ...ended]
      await ask(node, all[turn % all.length] as Credential)
      await pause(PAUSE_MILLISECONDS)
    }
  }

  // Creates and ends a key. The end must take effect immediately on this node, and on others after
  // the cache age.
  async function manage(node: Twinkey, other: Twinkey, turn: number): Promise<void> {
    const { disable, revoke, renew, delete: remove } = node.keys
    const ways = [disable, remove, revoke, remove, (id: string) => renew(id, { slots: 'primary' })]
    const { key, primary } = await node.keys.create({
      name: 'managed',
      owner: 'managed',
      scope: { tenants: [TENANT], workflows: '*' },
    })
    await Promise.all([node, other].map((each) => ask(each, { text: primary, live: true })))
    await ways[turn % ways.length]?.(key.id)
    const dead = { text: primary, live: false }
    await ask(node, dead)
    setTimeout(() => {
      ended.push(dead)
      if (ended.length > MAX_DEAD) ended.shift()
    }, MAX_AGE_SECONDS * 1000)
    await node.keys.list({ owner: 'managed', limit: 10 })
  }

  async function keepManaging(node: Twinkey, other: Twinkey): Promise<void> {
    for (let turn = 0; !stopped; turn++) {
      await mayManage
      managing++
      const began = performance.now()
      try {
        await manage(node, other, turn)
        counts.managed++
      } catch (error) {
        bad()
        counts.failed++
        if (!isTwinkeyError(error) || !FAULTS.includes(error.code))
          counts.strange.push(`management: ${error}`)
      } finally {
        managing--
        if (performance.now() - began > 1000 * DEADLINE_SECONDS) counts.late++
      }
      await pause(PAUSE_MILLISECONDS)
    }
  }

  const lanes = nodes.flatMap((node, i) => [
    ...Array.from({ length: ASKING_AT_ONCE }, (_, lane) => asking(node, lane)),
    keepManaging(node, nodes[(i + 1) % nodes.length] as Twinkey),
  ])
  return {
    counts,
    lastBadAt: () => badAt,
    async withoutWrites(work) {
      let release = () => {}
      mayManage = new Promise((resolve) => {
        release = resolve
      })
      do await pause(PAUSE_MILLISECONDS)
      while (managing > 0)
      await work().finally(release)
    },
    async stop() {
      stopped = true
      await Promise.all(lanes)
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}

async function knownCredentials({ keys, tokens }: Twinkey): Promise<Credential[]> {
  const create = () =>
    keys.create({ name: 'known', owner: 'known', scope: { tenants: [TENANT], workflows: '*' } })
  const token = async (secret: string) => {
    const issued = await tokens.issue(secret)
    if (!issued.ok) throw new Error(issued.refusal.code)
    return issued.token
  }
  const all: Credential[] = []
  const add = (live: boolean, ...texts: string[]) =>
    void all.push(...texts.map((text) => ({ text, live })))
  for (let i = 0; i < 3; i++) {
    const live = await create()
    add(true, live.primary, String(live.secondary), await token(live.primary))
    for (const end of [keys.disable, keys.revoke, keys.delete]) {
      const { key, primary, secondary } = await create()
      add(false, primary, String(secondary), await token(primary))
      await end(key.id)
    }
    const { key, primary, secondary } = await create()
    add(false, primary, await token(primary))
    add(true, String(secondary), (await keys.renew(key.id, { slots: 'primary' })).primary)
    // Well formed, but never issued: for an unknown id and for a known one.
    const unknown = createTwinkey()
    const foreign = await unknown.keys.create({
      name: 'never',
      scope: { tenants: '*', workflows: '*' },
    })
    add(false, foreign.primary, `${live.primary.slice(0, -10)}${foreign.primary.slice(-10)}`)
    await unknown.close()
  }
  return all
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
