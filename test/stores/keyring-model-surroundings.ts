import fc from 'fast-check'
import type { Scope } from 'twinkey'
import { NODES } from './keyring-model-nodes.ts'
import { verifyOne, withFuture, withTenants } from './keyring-model-requests.ts'
import { EVERYTHING } from './keyring-model-scope.ts'
import { count, type KeyringCommand, pickKey, pickOf, seenBy } from './keyring-model-state.ts'

/** Advances the time of all nodes. */
export function advance(milliseconds: number): KeyringCommand {
  return {
    check: () => true,
    async run(model) {
      model.clock.advance(milliseconds)
    },
    toString: () => `advance(${milliseconds} ms)`,
  }
}

/**
 * Changes the scope of an owner or removes the owner, and notifies some of the nodes. Before that,
 * all of them have seen a secret of the owner. An owner that is gone comes back.
 */
export function changeOwner(
  name: string,
  scope: Scope | undefined,
  told: readonly number[],
  pick: number,
): KeyringCommand {
  return {
    check: () => true,
    async run(model, nodes) {
      const owner = `${model.run}-${name}`
      const timeline = model.owners.get(owner)
      const next = scope ?? (timeline?.latest === undefined ? EVERYTHING : undefined)
      const secrets = model.secrets.filter(
        ({ keyId }) => model.keys.get(keyId)?.latest?.owner === owner,
      )
      for (let node = 0; secrets.length > 0 && node < NODES; node++)
        await verifyOne(model, nodes, node, pickOf(secrets, pick))
      timeline?.become(next && withTenants(next, model.run), model.clock.now())
      for (const node of told) {
        await nodes.twinkeys[node]?.invalidateOwner(owner)
        timeline?.caughtUp(node)
      }
      count(model, 'changeOwner', next === undefined ? 'gone' : 'another scope')
    },
    toString: () =>
      `changeOwner(${name}, ${fc.stringify(scope)}, told: ${fc.stringify(told)}, secret ${pick})`,
  }
}

/** The feed of a node reports that it may have missed changes of one record, or of any. */
export function forget(node: number, pick: number | undefined): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const id = pick === undefined ? undefined : pickKey(model, pick)
      const [changing] = withFuture(model, seenBy).slice(-1)
      nodes.forget(node, id)
      for (const [each, key] of model.keys) if (id === undefined || id === each) key.caughtUp(node)
      if (changing !== undefined) await verifyOne(model, nodes, node, changing)
      count(model, 'forget', id === undefined ? 'everything' : 'one key')
    },
    toString: () => `forget(node ${node}, ${pick === undefined ? 'everything' : `key ${pick}`})`,
  }
}
