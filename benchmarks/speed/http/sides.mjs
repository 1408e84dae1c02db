// The sides of each framework. `open(host, counts)` returns what the host installs, and the
// requests to send.
import { importJWK } from 'jose'
import { credentialsOf } from '../keys.mjs'
import { byNoble, createKeyCheck, createTokenCheck } from '../minimal.mjs'
import { OPEN, OUR_KEYS, OUR_TOKENS } from '../names.mjs'
import { createBetterAuthCheck } from '../peers/better-auth.mjs'
import { createPrefixedCheck } from '../peers/prefixed-api-key.mjs'
import { createWarm, filledStore, tokensOf } from '../warm.mjs'

// `takes`: keys, tokens, or nothing for no check. `less`: what a side does not check, unlike the
// others. `isNear`: included in a quick run.
const COMMON = {
  [OPEN]: {
    isNear: true,
    open: (_host, { keys }) => ({ install: () => undefined, credentials: credentialsOf(keys) }),
  },
  // Shows the difference between two equal servers.
  'no guard, a second server': {
    isNear: true,
    open: (_host, { keys }) => ({ install: () => undefined, credentials: credentialsOf(keys) }),
  },
  'no-op': {
    isNear: true,
    open: (host, { keys }) => ({ install: host.noOp, credentials: credentialsOf(keys) }),
  },
  'by hand, hash of Node': {
    takes: 'keys',
    isNear: true,
    open: (host, { keys }) => checking(host, createKeyCheck(keys), credentialsOf(keys)),
  },
  'by hand, @noble/hashes': {
    takes: 'keys',
    open: (host, { keys }) => checking(host, createKeyCheck(keys, byNoble), credentialsOf(keys)),
  },
  [OUR_KEYS]: { takes: 'keys', isNear: true, open: (host, { keys }) => guarded(host, keys) },
  'better-auth, secondary storage': {
    takes: 'keys',
    peer: true,
    open: (host, { keys }) => checkedBy(host, createBetterAuthCheck(keys)),
  },
  'prefixed-api-key and a map': {
    takes: 'keys',
    peer: true,
    open: (host, { keys }) => checkedBy(host, createPrefixedCheck(keys)),
  },
  'jose and a map by hand': {
    takes: 'tokens',
    async open(host, { tokens }) {
      const { credentials, rules, jwk } = await tokensOf(tokens)
      return checking(
        host,
        createTokenCheck({ ...rules, publicKey: await importJWK(jwk, 'ES256') }),
        credentials,
      )
    },
  },
  [OUR_TOKENS]: {
    takes: 'tokens',
    isNear: true,
    async open(host, { tokens }) {
      const { twinkey, credentials } = await tokensOf(tokens)
      return { install: host.guard(twinkey), credentials }
    },
  },
}

/** All sides of a framework, by name. */
export async function sidesOf(framework) {
  const { PEERS } = await import(`../peers/${framework}.mjs`)
  return { ...COMMON, ...PEERS }
}

async function guarded(host, count) {
  return {
    install: host.guard(await createWarm(count, await filledStore(count))),
    credentials: credentialsOf(count),
  }
}

function checking(host, check, credentials) {
  return { install: host.fromCheck(check), credentials }
}

async function checkedBy(host, opening) {
  const { check, credentials } = await opening
  return checking(host, check, credentials)
}
