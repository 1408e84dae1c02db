/** Lists the settings that break a guarantee of the store, each with its remedy. */
export function redisSettingsProblems(policy: string, hasLog: string): string[] {
  const problems: string[] = []
  // The store's keys have no time to live, so only the allkeys policies evict them.
  if (policy.startsWith('allkeys'))
    problems.push(
      `Redis runs with maxmemory-policy ${policy}: it may evict keys, and the index by which revokeAll finds keys to revoke. Set it to noeviction.`,
    )
  if (hasLog === '0')
    problems.push(
      'Redis runs with appendonly no: a restart loses keys, and brings back revoked ones. Set it to yes, and appendfsync to always.',
    )
  return problems
}
