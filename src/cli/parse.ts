import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import type { Flag, Given } from './flags.ts'
import { didYouMean } from './similar.ts'
import { shownWord, usageError } from './usage-error.ts'

/** The options of every command. */
export const GLOBAL: readonly (Flag & { readonly short?: string })[] = [
  {
    name: 'config',
    value: 'FILE',
    help: 'The file that exports `twinkey`. Default: twinkey.config.{ts,js,mjs}',
  },
  {
    name: 'actor',
    value: 'NAME',
    help: 'Who makes the change, for the history. Default: cli:USER',
  },
  { name: 'json', help: 'Print JSON for programs' },
  { name: 'yes', short: 'y', help: 'Do not ask before a change that cannot be undone' },
  { name: 'debug', help: 'Print stack traces' },
  { name: 'help', short: 'h', help: 'Show this help' },
  { name: 'version', short: 'V', help: 'Show the version' },
]

/** The parts of a command line. */
export interface Parsed {
  readonly words: readonly string[]
  readonly options: readonly GivenOption[]
}

interface GivenOption {
  readonly name: string
  /** As written, with its dashes. */
  readonly written: string
  readonly value: string | undefined
  readonly isInline: boolean
}

/** Splits a command line, before it is known which command it is. */
export function split(argv: readonly string[], commands: readonly Command[]): Parsed {
  const flags: readonly (Flag & { readonly short?: string })[] = [
    ...GLOBAL,
    ...commands.flatMap((command) => command.flags),
  ]
  const options = Object.fromEntries(
    flags.map(({ name, value, short }) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const)
      return [name, short === undefined ? { type } : { type, short }]
    }),
  )
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const words: string[] = []
  const given: GivenOption[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind === 'option')
      given.push({
        name: token.name,
        written: token.rawName,
        value: token.value,
        isInline: token.inlineValue === true,
      })
  }
  return { words: withoutQuotes(words, commands), options: given }
}

// A command in quotes, like 'keys list', is one argument.
function withoutQuotes(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const [first = '', ...rest] = words
  const isQuoted = commands.some((command) => command.words === first)
  return isQuoted ? [...first.split(' '), ...rest] : words
}

/** The command that the first words name. */
export function commandOf(words: readonly string[], commands: readonly Command[]): Command {
  const found = [2, 1]
    .map((count) => words.slice(0, count).join(' '))
    .map((name) => commands.find((command) => command.words === name))
    .find((command) => command !== undefined)
  if (found !== undefined) return found
  const [first = '', second] = words
  if (first === '') throw usageError('Name a command. Run `twinkey --help` for the list.')
  const group = commands.filter((command) => command.words.startsWith(`${first} `))
  if (group.length === 0) {
    const known = [...new Set(commands.map((command) => command.words.split(' ')[0] as string))]
    throw usageError(
      `There is no command${named(first)}.${didYouMean(first, known, 'twinkey ') || ' Run `twinkey --help` for the list.'}`,
    )
  }
  const known = group.map((command) => command.words.slice(first.length + 1))
  if (second === undefined) throw usageError(`Say what to do: twinkey ${first} ${known.join('|')}.`)
  throw usageError(
    `There is no command${named(second)} of \`${first}\`.${didYouMean(second, known, `twinkey ${first} `) || ` Run \`twinkey ${first} --help\` for the list.`}`,
  )
}

/** Checks the options and the argument for a command. */
export function readFor(
  command: Command,
  { words, options }: Parsed,
): { readonly given: Given; readonly argument: string | undefined } {
  const flags = [...GLOBAL, ...command.flags]
  const given = new Map<string, string[]>()
  for (const { name, written, value, isInline } of options) {
    const flag = flags.find((each) => each.name === name)
    if (flag === undefined) {
      const known = flags.map((each) => each.name)
      throw usageError(
        `\`twinkey ${command.words}\` has no option${named(name, '--')}.${didYouMean(name, known, '--') || ` Run \`twinkey ${command.words} --help\` for the list.`}`,
      )
    }
    given.set(name, [
      ...(given.get(name) ?? []),
      ...readValue(flag, given, written, value, isInline),
    ])
  }
  const rest = words.slice(command.words.split(' ').length)
  const { argument } = command
  if (rest.length > (argument === undefined ? 0 : 1))
    throw usageError(
      `\`twinkey ${command.words}\` takes ${argument === undefined ? 'no argument' : `one argument, ${argument.name}`}. Quote values that have spaces.`,
    )
  if (argument !== undefined && !argument.isOptional && !rest[0])
    throw usageError(`Give the argument: twinkey ${command.words} ${argument.name}.`)
  return { given, argument: rest[0] }
}

function readValue(
  flag: Flag,
  given: Given,
  written: string,
  value: string | undefined,
  isInline: boolean,
): string[] {
  if (flag.value === undefined) {
    if (value !== undefined) throw usageError(`${written} takes no value.`)
    return []
  }
  if (value === undefined) throw usageError(`${written} needs a value: ${written} ${flag.value}.`)
  if (!isInline && /^-./.test(value))
    throw usageError(
      `${written} needs a value. If the value begins with a dash, write ${written}=VALUE.`,
    )
  if (given.has(flag.name) && !flag.isRepeated)
    throw usageError(`${written} can be given only once.`)
  return [value]
}

function named(text: string, dashes = ''): string {
  const shown = shownWord(text)
  return shown === undefined ? ' of that name' : ` \`${dashes}${shown}\``
}
