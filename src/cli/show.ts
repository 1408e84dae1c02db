import type { ApiKey, KeyLimit, ScopeValue } from '../index.ts'
import type { Call } from './command.ts'
import { counted } from './counted.ts'
import { jsonText, plain } from './io.ts'
import { type Style, styleOf } from './style.ts'
import { type Column, tableOf } from './table.ts'

// Shows keys to people.

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const
// A narrower terminal has no room for what a key may do.
const WIDE_TERMINAL = 100

/** A time from now, as people say it: `in 3 days`, `2 hours ago`. */
export function fromNow(time: number | null, now: number): string {
  if (time === null) return 'never'
  const distance = Math.abs(time - now)
  const [unit, length] = UNITS.find(([, each]) => distance >= each) ?? []
  if (unit === undefined || length === undefined) return 'now'
  const words = counted(Math.round(distance / length), unit)
  return time > now ? `in ${words}` : `${words} ago`
}

/** A time to the second, in UTC. */
export function clockTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Writes a result for programs. */
export function writeJson({ io }: Call, value: unknown, ifLost?: string): void {
  io.out.write(`${jsonText(value, 2)}\n`, ifLost)
}

/** Writes a table of keys for people. */
export function writeKeys({ io }: Call, keys: readonly ApiKey[], now: number): void {
  const { isTerminal, columns: width = 0 } = io.out
  const style = styleOf(io.out, io)
  const isNarrow = isTerminal && width < WIDE_TERMINAL
  const workflows = isNarrow ? [] : [{ heading: 'WORKFLOWS' }]
  const columns: Column[] = [
    { heading: 'ID', isWhole: true },
    { heading: 'NAME' },
    { heading: 'OWNER' },
    { heading: 'STATE', isWhole: true, paint: (state) => stateColour(style, state) },
    { heading: 'TENANTS' },
    ...workflows,
    { heading: 'EXPIRES', isWhole: true },
    { heading: 'LAST USED', isWhole: true },
  ]
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.owner ?? '-',
    key.state,
    names(key.scope.tenants),
    ...(isNarrow ? [] : [names(key.scope.workflows)]),
    fromNow(key.expiresAt, now),
    fromNow(key.lastUsedAt, now),
  ])
  writeTable({ io }, columns, rows)
}

function stateColour({ green, yellow, dim }: Style, state: string): string {
  if (state.startsWith('active')) return green(state)
  return state.startsWith('disabled') ? yellow(state) : dim(state)
}

/** Writes a table with its headings in bold. */
export function writeTable(
  { io }: Pick<Call, 'io'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  const style = styleOf(io.out, io)
  const [headings = '', ...lines] = tableOf(columns, rows, io.out)
  io.out.write(`${[style.bold(headings), ...lines].join('\n')}\n`)
}

/** Writes all about one key for people. */
export function writeKey({ io }: Call, key: ApiKey, now: number): void {
  const style = styleOf(io.out, io)
  const time = (at: number | null) =>
    at === null ? 'never' : `${clockTime(at)} (${fromNow(at, now)})`
  const secret = (each: ApiKey['secondary']) =>
    each === null
      ? 'none'
      : `…${each.hint}, expires ${fromNow(each.expiresAt, now)}, last used ${fromNow(each.lastUsedAt, now)}`
  const rows = [
    ['ID', key.id],
    ['State', key.state],
    ['Owner', key.owner ?? '-'],
    ['Tenants', names(key.scope.tenants)],
    ['Environments', names(key.scope.environments)],
    ['Workflows', names(key.scope.workflows)],
    [
      'Limits',
      key.limits === null
        ? 'those of the deployment'
        : key.limits.map(limitText).join(', ') || 'none',
    ],
    ['Networks', key.networks?.join(', ') ?? 'all'],
    ['Tokens', key.tokens ? 'yes' : 'no'],
    ['Primary', secret(key.primary)],
    ['Secondary', secret(key.secondary)],
    ['Created', time(key.createdAt)],
    ['Changed', time(key.updatedAt)],
    ['Expires', time(key.expiresAt)],
    ['Last used', time(key.lastUsedAt)],
    ...(key.disabledBy === null ? [] : [['Disabled by', key.disabledBy.actor ?? 'somebody']]),
    ...(key.revokedAt === null ? [] : [['Revoked', time(key.revokedAt)]]),
    ...(Object.keys(key.metadata).length === 0 ? [] : [['Metadata', JSON.stringify(key.metadata)]]),
    ['Version', `${key.version}`],
  ]
  const lines = rows.map(([name = '', value = '']) => `  ${name.padEnd(13)} ${plain(value)}`)
  io.out.write(`${[style.bold(plain(key.name)), ...lines].join('\n')}\n`)
}

/** A key with new secrets. A slot without a new one has null. */
export interface Renewed {
  readonly key: ApiKey
  readonly primary: string | null
  readonly secondary: string | null
}

/** Writes a key with new secrets: the only time that they are shown. */
export function writeRenewed(call: Call, renewed: Renewed, now: number): void {
  const { io, isJson } = call
  const ifLost = renewalOf(renewed)
  if (isJson) {
    writeJson(call, renewed, ifLost)
    return
  }
  const style = styleOf(io.out, io)
  writeKey(call, renewed.key, now)
  for (const [slot, secret] of [
    ['Primary secret', renewed.primary],
    ['Secondary secret', renewed.secondary],
  ] as const)
    if (secret !== null) io.out.write(`  ${slot.padEnd(17)} ${style.green(secret)}\n`, ifLost)
  if (ifLost !== undefined) io.err.write('Keep each secret now. It cannot be shown again.\n')
}

// How to get other secrets if these are lost.
function renewalOf({ key, primary, secondary }: Renewed): string | undefined {
  if (primary === null && secondary === null) return undefined
  const slots = secondary === null ? 'primary' : primary === null ? 'secondary' : 'both'
  return `The change was made. \`twinkey keys renew ${key.id} --slots ${slots}\` makes other secrets.`
}

/** A key as people recognise it in a question. */
export function keyWords(key: ApiKey): string {
  return `key "${plain(key.name)}"${key.owner === null ? '' : ` of ${plain(key.owner)}`} (${key.id})`
}

function names(value: ScopeValue): string {
  return value === '*' ? '*' : value.join(', ')
}

/** A limit as it is written in `--limit`. */
export function limitText({ name, requests, perSeconds, per }: KeyLimit): string {
  return `${name === undefined ? '' : `${name}=`}${requests}/${per ?? `${perSeconds}s`}`
}
