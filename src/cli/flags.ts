import {
  type InputType,
  membersOf,
  OPERATIONS,
  type OperationName,
} from '../core/model/operations.ts'
import { helpFor } from './flag-help.ts'
import { usageError } from './usage-error.ts'
import { choiceOf, durationOf, limitOf, metadataOf, numberOf, timeOf } from './values.ts'

/** An option of a command. */
export interface Flag {
  readonly name: string
  /** What stands for its value in the help. Undefined if it takes no value. */
  readonly value?: string
  /** Whether it can be repeated. */
  readonly isRepeated?: true
  readonly help: string
}

/** The options that a caller gave, by name. An option without a value has an empty list. */
export type Given = ReadonlyMap<string, readonly string[]>

/** The options for one member of an input. */
interface MemberFlags {
  readonly flags: readonly Omit<Flag, 'help'>[]
  /** Reads the member. Undefined if none of its options was given. */
  read(given: Given, now: number): unknown
}

const NAMES: Readonly<Record<string, string>> = {
  expiresAt: 'expires',
  graceSeconds: 'grace',
  keyId: 'key',
}
/** Members that have no option of their own: `--actor` is an option of every command. */
const NONE = ['actor', 'primary']
const AXES = { tenants: 'tenant', environments: 'environment', workflows: 'workflow' } as const
/** The names of the options for a member of an input, without dashes. */
function nameOf(member: string): string {
  return NAMES[member] ?? member.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** An option with one value. */
function single(
  name: string,
  value: string,
  read: (text: string, flag: string, now: number) => unknown = (text) => text,
): MemberFlags {
  return {
    flags: [{ name, value }],
    read(given, now) {
      const text = given.get(name)?.[0]
      return text === undefined ? undefined : read(text, `--${name}`, now)
    },
  }
}

/** Adds an option without a value that stands for a fixed value of the member. */
function orElse(member: MemberFlags, name: string, value: unknown): MemberFlags {
  const names = member.flags.map((each) => each.name)
  return {
    flags: [...member.flags, { name }],
    read(given, now) {
      if (!given.has(name)) return member.read(given, now)
      const other = names.find((each) => given.has(each))
      if (other !== undefined) throw usageError(`Give either --${other} or --${name}, not both.`)
      return value
    },
  }
}

function scopeFlags(): MemberFlags {
  return {
    flags: Object.values(AXES).map((name) => ({ name, value: 'NAME', isRepeated: true })),
    read(given) {
      const axes = Object.entries(AXES).flatMap(([axis, name]) => {
        const names = given.get(name)
        if (names === undefined) return []
        if (names.includes('*') && names.length > 1)
          throw usageError(`Give --${name} '*' alone, or the names without '*'.`)
        return [[axis, names[0] === '*' ? '*' : names]]
      })
      return axes.length === 0 ? undefined : Object.fromEntries(axes)
    },
  }
}

function repeated(
  name: string,
  value: string,
  read: (texts: readonly string[], flag: string) => unknown,
): MemberFlags {
  return {
    flags: [{ name, value, isRepeated: true }],
    read(given) {
      const texts = given.get(name)
      return texts && read(texts, `--${name}`)
    },
  }
}

const choice =
  (...choices: readonly string[]) =>
  (name: string) =>
    single(name, choices.join('|'), (text, flag) => choiceOf(text, flag, choices))
const nullable = (name: string) => orElse(single(name, 'NAME'), `no-${name}`, null)

const TYPES: Readonly<Record<InputType, (name: string) => MemberFlags>> = {
  name: (name) => single(name, 'NAME'),
  'name or null': nullable,
  text: (name) => single(name, 'TEXT'),
  scope: scopeFlags,
  'time or null': (name) =>
    single(name, 'WHEN', (text, flag, now) =>
      text === 'never' ? null : timeOf(text, flag, now, 1),
    ),
  time: (name) =>
    single(name, 'WHEN', (text, flag, now) =>
      timeOf(text, flag, now, name === 'unused-since' ? -1 : 1),
    ),
  metadata: (name) => repeated(name, 'NAME=VALUE', metadataOf),
  boolean: (name) => orElse(given(name), `no-${name}`, false),
  'limits or null': () => {
    const limits = repeated('limit', 'LIMIT', (texts, flag) =>
      texts.map((text) => limitOf(text, flag)),
    )
    return orElse(orElse(limits, 'no-limits', []), 'default-limits', null)
  },
  'networks or null': () =>
    orElse(
      repeated('network', 'NETWORK', (texts) => texts),
      'all-networks',
      null,
    ),
  seconds: (name) => single(name, 'DURATION', durationOf),
  version: (name) => single(name, 'NUMBER', numberOf),
  slots: choice('primary', 'secondary', 'both'),
  state: choice('active', 'disabled', 'expired', 'revoked'),
  sort: choice('newest', 'oldest'),
  limit: (name) => single(name, 'NUMBER', numberOf),
  cursor: (name) =>
    single(name, 'CURSOR', (text, flag, now) =>
      name === 'after' && /^(?:now|\d+[smhdw]|\d{4}-.*)$/.test(text)
        ? timeOf(text, flag, now, -1)
        : text,
    ),
  secondary: choice('secondary'),
  // A secret on the command line would stand in the history of the shell.
  secret: () => ({ flags: [], read: () => undefined }),
}

function given(name: string): MemberFlags {
  return {
    flags: [{ name }],
    read: (all) => (all.has(name) ? true : undefined),
  }
}

function membersFor(operation: OperationName): [member: string, MemberFlags][] {
  const types = OPERATIONS[operation].input as Readonly<Record<string, InputType>>
  return membersOf(operation)
    .filter((member) => !NONE.includes(member))
    .map((member) => [member, TYPES[types[member] as InputType](nameOf(member))])
}

/** The options of an operation, which derive from the table of operations. */
export function flagsOf(operation: OperationName): Flag[] {
  return membersFor(operation).flatMap(([, { flags }]) =>
    flags.map((flag) => ({ ...flag, help: helpFor(operation, flag.name) })),
  )
}

/** Reads the input of an operation from the options that were given. */
export function inputOf(
  operation: OperationName,
  options: Given,
  now: number,
): Record<string, unknown> {
  const members = membersFor(operation).map(
    ([member, each]) => [member, each.read(options, now)] as const,
  )
  const input = Object.fromEntries(members.filter(([, value]) => value !== undefined))
  const { required = [] } = OPERATIONS[operation] as { readonly required?: readonly string[] }
  const missing = required.find((member) => input[member] === undefined)
  if (missing !== undefined)
    throw usageError(
      `Give ${missing === 'scope' ? '--tenant and --workflow' : `--${nameOf(missing)}`}.`,
    )
  return input
}

/** The message of the keyring with the names of options instead of those of members. */
export function messageWithFlags(message: string): string {
  const axis = /^scope\.(tenants|environments|workflows)\b/.exec(message)
  if (axis) return message.replace(axis[0], `--${AXES[axis[1] as keyof typeof AXES]}`)
  const member =
    /^(expiresAt|graceSeconds|expectedVersion|expiresBefore|unusedSince|keyId|actor|name|owner|metadata|hint|state|cursor|after|pepper|tenant)\b/.exec(
      message,
    )
  if (member) return message.replace(member[0], `--${nameOf(member[0])}`)
  return message.replace(/^limits?(?= must)/, '--limit').replace(/^networks(?= must)/, '--network')
}
