import { describe, expect, test } from 'vitest'
import { hosts } from '../http/hosts.ts'
import { leaksOf } from './leak-channels.ts'
import { send, tables } from './leak-tables.ts'

// If a caller puts a secret into a URL in which no profile looks for one, the log of the
// application has it, because that is the requested URL.
const IN_THE_URL: Readonly<Record<string, readonly string[]>> = {
  standard: ['a secret in the query'],
  'Boomi Flow': [
    'Boomi Flow: a key in the query is never read',
    'Boomi Flow: a key in the query under other names is never read',
  ],
  Flare: ['Flare: a key in the query is not read', 'Flare: a token in the query is not read'],
  Flowgear: ['Flowgear: a list of auth-key', 'Flowgear: legacy ?auth= is not read'],
}

/** Sends all requests of some tables to some hosts, and looks for secrets in what leaves them. */
export function describeTables(
  hostNames: readonly (keyof typeof hosts)[],
  tableNames: readonly (keyof typeof tables)[],
): void {
  const chosen = Object.entries(tables).filter(([name]) => tableNames.includes(name))
  describe.each(hostNames)('nothing secret leaves %s', (host) => {
    test.each(chosen)('in the course of the table %s', async (name, create) => {
      const inUrl = IN_THE_URL[name] as readonly string[]
      const { channels, net, cut, statuses } = await send(
        hosts[host] as (typeof hosts)[string],
        await create(),
        inUrl,
      )
      // All channels were active, with accepted requests and with the store down.
      expect(Object.keys(statuses)).toEqual(expect.arrayContaining(['200', '503']))
      for (const channel of ['responses', 'events', 'log', 'errors', 'traces'] as const)
        expect(channels.left[channel].size, channel).toBeGreaterThan(0)
      expect(leaksOf(channels, net)).toEqual({})
      expect([...cut].sort()).toEqual([...inUrl].sort())
    })
  })
}
