import type {
  ApiKey,
  HistoryEntry,
  HistoryInput,
  HistoryPage,
  HistoryStep,
  Keyring,
  ListKeysInput,
} from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { flagsOf, inputOf } from '../flags.ts'
import { jsonText } from '../io.ts'
import {
  clockTime,
  fromNow,
  limitText,
  writeJson,
  writeKey,
  writeKeys,
  writeTable,
} from '../show.ts'
import { usageError } from '../usage-error.ts'
import { durationOf } from '../values.ts'
import { keyIdOf, requireKey } from './key-id.ts'

const ALL = { name: 'all', help: 'Show all pages' }
const DEFAULT_EXPIRING = '14d'

/** Commands that change nothing. */
export const READING: readonly Command[] = [
  {
    words: 'keys list',
    summary: 'Lists keys, the newest first',
    flags: [...flagsOf('list'), ALL],
    examples: [
      'twinkey keys list --owner ada --state active',
      'twinkey keys list --unused-since 90d --all --json',
    ],
    run: list,
  },
  {
    words: 'keys get',
    summary: 'Shows a key',
    argument: { name: 'ID' },
    flags: flagsOf('get'),
    examples: ['twinkey keys get aHl5AfxTFtcSqHBp'],
    async run(call) {
      const key = await requireKey(call)
      if (call.isJson) writeJson(call, key)
      else writeKey(call, key, (await call.twinkey()).now())
      return undefined
    },
  },
  {
    words: 'keys usage',
    summary: 'Shows what is left of each limit of a key',
    argument: { name: 'ID' },
    flags: flagsOf('usage'),
    examples: ['twinkey keys usage aHl5AfxTFtcSqHBp'],
    run: usage,
  },
  {
    words: 'history',
    summary: 'Shows the changes of keys, the newest first',
    flags: flagsOf('history'),
    examples: ['twinkey history --key aHl5AfxTFtcSqHBp', 'twinkey history --after 1d --json'],
    run: history,
  },
  {
    words: 'expiring',
    summary: 'Lists the active keys that expire soon',
    flags: [
      { name: 'within', value: 'DURATION', help: `How soon. Default: ${DEFAULT_EXPIRING}` },
      ...flagsOf('list').filter(({ name }) => ['owner', 'no-owner', 'tenant'].includes(name)),
    ],
    examples: ['twinkey expiring --within 30d', 'twinkey expiring --tenant t1 --json'],
    run: expiring,
  },
]

async function list(call: Call): Promise<undefined> {
  const { given, io } = call
  if (given.has('all') && (given.has('limit') || given.has('cursor')))
    throw usageError('Give --all alone, or --limit and --cursor.')
  const keyring = await call.keyring()
  const now = (await call.twinkey()).now()
  const query: ListKeysInput = inputOf('list', given, now)
  if (given.has('all')) return writeAll(call, keyring, query, now)
  const page = await keyring.list(query)
  if (call.isJson) writeJson(call, page)
  else {
    writeKeys(call, page.keys, now)
    if (page.nextCursor !== undefined)
      io.err.write(`There are more. Add --cursor ${page.nextCursor}\n`)
  }
  return undefined
}

async function writeAll(
  call: Call,
  keyring: Keyring,
  query: ListKeysInput,
  now: number,
): Promise<undefined> {
  const all = keyring.all(query)
  if (call.isJson) return writeEach(call, all)
  const keys: ApiKey[] = []
  for await (const key of all) keys.push(key)
  writeKeys(call, keys, now)
  return undefined
}

// The JSON of all keys can be longer than a string may be.
async function writeEach({ io: { out } }: Call, keys: AsyncIterable<ApiKey>): Promise<undefined> {
  let separator = '{"keys":[\n'
  for await (const key of keys) {
    if (out.isClosed()) return
    out.write(separator + jsonText(key))
    separator = ',\n'
  }
  out.write(separator === ',\n' ? '\n]}\n' : '{"keys":[]}\n')
}

async function usage(call: Call): Promise<undefined> {
  const id = keyIdOf(call)
  const limits = await (await call.keyring()).usage(id)
  if (call.isJson) {
    writeJson(call, { limits })
    return undefined
  }
  const now = (await call.twinkey()).now()
  writeTable(
    call,
    [{ heading: 'LIMIT' }, { heading: 'LEFT' }, { heading: 'AGAIN' }],
    limits.map(({ limit, remaining, resetsAt }) => [
      limitText(limit),
      `${remaining}`,
      fromNow(resetsAt, now),
    ]),
  )
  return undefined
}

async function expiring(call: Call): Promise<undefined> {
  const within = durationOf(call.given.get('within')?.[0] ?? DEFAULT_EXPIRING, '--within')
  const keyring = await call.keyring()
  const now = (await call.twinkey()).now()
  const query = inputOf('list', call.given, now)
  const until = { state: 'active', expiresBefore: now + 1000 * within } as const
  return writeAll(call, keyring, { ...query, ...until }, now)
}

async function history(call: Call): Promise<undefined> {
  const keyring = await call.keyring()
  const input: HistoryInput = inputOf('history', call.given, (await call.twinkey()).now())
  const page: HistoryPage | HistoryStep = await keyring.history(input)
  if (call.isJson) writeJson(call, page)
  else {
    writeTable(
      call,
      [
        { heading: 'TIME', isWhole: true },
        { heading: 'CHANGE', isWhole: true },
        { heading: 'KEY', isWhole: true },
        { heading: 'NAME' },
        { heading: 'ACTOR' },
        { heading: 'DETAILS' },
      ],
      page.entries.map((entry) => [
        clockTime(entry.at),
        entry.type.slice('key.'.length),
        entry.keyId,
        entry.name,
        entry.actor ?? '-',
        detailsOf(entry),
      ]),
    )
    if (page.nextCursor !== undefined && (!('hasMore' in page) || page.hasMore)) {
      const flag = call.given.has('after') ? '--after' : '--cursor'
      call.io.err.write(`There are more. Add ${flag} ${page.nextCursor}\n`)
    }
  }
  return undefined
}

function detailsOf({ slots, changes }: HistoryEntry): string {
  if (slots !== undefined) return slots.join(', ')
  return changes === undefined ? '' : Object.keys(changes).join(', ')
}
