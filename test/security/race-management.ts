import { isTwinkeyError, type Twinkey } from 'twinkey'
import { createGate } from '../support/gate.ts'
import { anyTarget, sent, verdict } from '../support/sent.ts'
import type { Race } from './race.ts'

/** Fails the round where two values are not the same JSON. */
export function same(what: string, found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)}, and not ${JSON.stringify(expected)}`)
}

/**
 * Whom a credential authenticates, as a name that identifies key, slot and kind, or the code of the
 * refusal.
 */
export async function whoIs(twinkey: Twinkey, credential: string): Promise<string> {
  const decision = await twinkey.authenticate(sent({ credential }), anyTarget)
  if (!decision.ok) return decision.refusal.code
  const { name, slot, via } = decision.principal
  return `${name} ${slot} ${via}`
}

interface Outcome<T> {
  readonly done?: T
  readonly lost?: string
}

async function outcomeOf<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { done: await call }
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return { lost: error.code }
  }
}

function foreignSecret(stage: { readonly round: string }, name: string): string {
  return `${name}-${stage.round}-`.padEnd(48, 'x')
}

const NEW = { scope: { tenants: ['t'], workflows: '*' } } as const

/**
 * Two imports that have a secret in common: the same one, the same two the other way round, or one
 * of two.
 */
export const createCreate: Race = {
  name: 'create/create',
  feed: false,
  async round(stage) {
    const [x, y] = ['x', 'y'].map((name) => ({
      secret: foreignSecret(stage, name),
      entropyBits: 128,
    })) as [Import, Import]
    const kind = (['the same', 'crosswise', 'one of two'] as const)[stage.pick(3)] as
      | 'the same'
      | 'crosswise'
      | 'one of two'
    const slots = {
      'the same': [{ primary: x }, { primary: x }],
      crosswise: [both(x, y), both(y, x)],
      'one of two': [{ primary: x }, both(y, x)],
    }[kind]
    const outcomes: Outcome<{ id: string }>[] = []
    await stage.together(
      stage.nodes.map((node, i) => async () => {
        const slot = slots[i] as { primary: Import }
        outcomes[i] = await outcomeOf(
          node.keys.import({ ...NEW, name: `node ${i}`, owner: stage.round, ...slot }),
        )
      }),
    )
    const winners = outcomes.flatMap(({ done }) => done?.id ?? [])
    const lost = outcomes.flatMap(({ lost: code }) => code ?? [])
    same('winners', winners.length, 1)
    same('what the other got', lost, ['secret_taken'])
    for (const node of stage.nodes) {
      const verified = await node.keys.verify(x.secret)
      same('whose secret it is', verified.ok && verified.key.id, winners[0])
      same(
        'keys',
        (await node.keys.list({ owner: stage.round })).keys.map(({ id }) => id),
        winners,
      )
    }
    return kind
  },
}

interface Import {
  readonly secret: string
  readonly entropyBits: number
}
const both = (primary: Import, secondary: Import) => ({ primary, secondary })

/** Two rotations of a key with one secret. */
export const rotateRotate: Race = {
  name: 'rotate/rotate',
  feed: false,
  async round(stage) {
    const { nodes } = stage
    const { key, primary } = await nodes[0].keys.create({ ...NEW, name: 'k', secondary: false })
    const outcomes: Outcome<{ primary: string }>[] = []
    await stage.together(
      nodes.map((node, i) => async () => {
        outcomes[i] = await outcomeOf(node.keys.rotate(key.id))
      }),
    )
    const won = outcomes.flatMap(({ done }) => done?.primary ?? [])
    const lost = outcomes.flatMap(({ lost: code }) => code ?? [])
    same('winners', won.length, 1)
    for (const node of nodes) {
      same('the old secret', await whoIs(node, primary), 'k secondary secret')
      same('the new secret', await whoIs(node, won[0] as string), 'k primary secret')
    }
    if (lost[0] !== 'version_conflict' && lost[0] !== 'secondary_live')
      throw new Error(`the other lost by ${lost[0]}`)
    return `the other got ${lost[0]}`
  },
}

/**
 * A rotation with a grace, while both nodes receive the old secret: no call fails at any moment.
 */
export const rotateVerify: Race = {
  name: 'rotate/verify',
  feed: false,
  async round(stage) {
    const { nodes } = stage
    const { key, primary: old } = await nodes[0].keys.create({
      ...NEW,
      name: 'k',
      secondary: false,
    })
    const warm = stage.pick(2) === 1
    if (warm) for (const node of nodes) await whoIs(node, old)
    const seen: string[] = []
    const look = (node: Twinkey) => async () => {
      for (let turn = 0; turn < 3; turn++) {
        await stage.pause()
        const who = await whoIs(node, old)
        if (who !== 'k primary secret' && who !== 'k secondary secret')
          throw new Error(`the old secret was refused as ${who}`)
        seen.push(who)
      }
    }
    await stage.together([
      async () => {
        const { primary: secret } = await nodes[0].keys.rotate(key.id)
        same('the old secret, once it is rotated', await whoIs(nodes[0], old), 'k secondary secret')
        same(
          'the new secret, once it is rotated',
          await whoIs(nodes[0], secret),
          'k primary secret',
        )
      },
      ...nodes.map(look),
    ])
    const slots = new Set(seen.map((who) => who.split(' ')[1]))
    return `${warm ? 'cached' : 'not cached'}, seen in ${[...slots].sort().join(' and ')}`
  },
}

/**
 * A token is requested with a secret that is replaced meanwhile: an issued token ends with the
 * secret.
 */
export const renewIssue: Race = {
  name: 'renew/token-issue',
  feed: false,
  async round(stage) {
    const { nodes } = stage
    const { key, primary: old, secondary } = await nodes[0].keys.create({ ...NEW, name: 'k' })
    if (stage.pick(2) === 0) for (const node of nodes) await whoIs(node, old)
    const tokens: string[] = []
    // A signature takes longer than a change in memory, so some changes wait until one has started.
    const gates = { 'at once': createGate(), 'a token': createGate(), 'a use of one': createGate() }
    const after = (['at once', 'a token', 'a use of one'] as const)[
      stage.pick(3)
    ] as keyof typeof gates
    gates['at once'].open()
    const issue = (node: Twinkey) => async () => {
      await stage.pause()
      const answer = await node.tokens.issue(old)
      if (!answer.ok) return same('the refusal', answer.refusal.code, 'credential_invalid')
      tokens.push(answer.token)
      gates['a token'].open()
      const found = await verdict(node, answer.token)
      if (found !== 'let in' && found !== 'credential_invalid')
        throw new Error(`the verdict on a token was ${found}`)
      gates['a use of one'].open()
    }
    let fresh = ''
    await stage.together([
      async () => {
        await gates[after].opened
        await stage.pause()
        fresh = (await nodes[0].keys.renew(key.id, { slots: 'primary' })).primary
        for (const token of tokens)
          same('a token of the old secret', await verdict(nodes[0], token), 'credential_invalid')
        const late = await nodes[0].tokens.issue(old)
        same('issue, once it is renewed', late.ok, false)
      },
      ...nodes.map(issue),
      issue(nodes[0]),
    ])
    for (const token of tokens)
      same('a token of the old secret', await verdict(nodes[0], token), 'credential_invalid')
    same('the new secret', await whoIs(nodes[0], fresh), 'k primary secret')
    for (const node of nodes)
      same('the other secret', await whoIs(node, secondary as string), 'k secondary secret')
    return `changed after ${after}, ${tokens.length} of 3 issued`
  },
}
