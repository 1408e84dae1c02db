import { about, type Finding } from './finding.ts'

/** Tasks of an operator that nobody can check from the configuration. */
export const BY_HAND: readonly Finding[] = [
  about('TLS').check(
    'Serve over TLS only. Refuse or redirect plain HTTP in front of the application.',
  ),
  about('Logs').check(
    'Keep Authorization, X-API-Key and the token response out of logs and traces.',
  ),
  about('Throttle').check('Set a `throttle` for the guarded routes and the exchange.'),
  about('Proxies').check('Tell the framework which proxies it may trust, or set `clientAddress`.'),
  about('Replicas').check(
    'Use synchronous replication with a failover, and read from the primary only.',
  ),
  about('Nodes').check(
    'Use the same prefixes, peppers, environments and signing keys on every node.',
  ),
  about('Owners and tenants').check(
    'Call `keys.revokeAll` or `twinkey keys revoke-all` when you delete one.',
  ),
  about('Dependencies').check('Run `npm audit --omit=dev` in your build.'),
]
