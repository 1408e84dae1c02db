import type { Command } from './command.ts'
import type { Flag } from './flags.ts'
import { GLOBAL } from './parse.ts'
import type { Style } from './style.ts'

const MAX_HEAD = 30

/** The help for all commands, or for those of one group. */
export function overview(commands: readonly Command[], { bold }: Style, group?: string): string {
  const shown = commands.filter(({ words }) => group === undefined || words.startsWith(`${group} `))
  const width = Math.max(...shown.map((command) => usageOf(command).length))
  return [
    'Manages the API keys of the application in this folder.',
    '',
    `Usage: twinkey ${group ?? 'COMMAND'} ${group === undefined ? '' : 'COMMAND '}[OPTIONS]`,
    '',
    bold('Commands'),
    ...shown.map((command) => `  ${usageOf(command).padEnd(width)}  ${command.summary}`),
    '',
    bold('Options of every command'),
    ...GLOBAL.flatMap(flagLines),
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong input. `twinkey COMMAND --help` shows the options of a command.',
    '',
  ].join('\n')
}

/** The help for one command. */
export function helpOf(command: Command, { bold }: Style): string {
  const { flags, examples, summary } = command
  const own = flags.length === 0 ? [] : ['', bold('Options'), ...flags.flatMap(flagLines)]
  return [
    `${summary}.`,
    '',
    `Usage: twinkey ${usageOf(command)} [OPTIONS]`,
    ...own,
    '',
    bold('Options of every command'),
    ...GLOBAL.flatMap(flagLines),
    ...(examples.length === 0
      ? []
      : ['', bold('Examples'), ...examples.map((each) => `  ${each}`)]),
    '',
  ].join('\n')
}

function usageOf({ words, argument }: Command): string {
  if (argument === undefined) return words
  return `${words} ${argument.isOptional ? `[${argument.name}]` : argument.name}`
}

function flagLines({ name, value, isRepeated, help, short }: Flag & { readonly short?: string }) {
  const head = `  ${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
  const text = `${help}${isRepeated ? '. Can be repeated' : ''}`
  return head.length <= MAX_HEAD
    ? [`${head.padEnd(MAX_HEAD)}  ${text}`]
    : [head, `${' '.repeat(MAX_HEAD)}  ${text}`]
}
