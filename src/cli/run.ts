import { isTwinkeyError, type Twinkey } from '../index.ts'
import type { Call, Command } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import { messageWithFlags } from './flags.ts'
import { helpOf, overview } from './help.ts'
import { requireTwinkey } from './instance.ts'
import { type Io, jsonText, plain } from './io.ts'
import { messageOf } from './message.ts'
import { commandOf, type Parsed, readFor, split } from './parse.ts'
import { type Style, styleOf } from './style.ts'
import { isUsageError } from './usage-error.ts'

const FAILED = 1
const WRONG_INPUT = 2
// As a shell reports a program that Ctrl-C ended.
const INTERRUPTED = 130
const MAX_ACTOR = 128

/** Runs one command. Never rejects. @returns The exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const opened: Twinkey[] = []
  let command: Command | undefined
  try {
    const parsed = split(argv, COMMANDS)
    const help = helpFor(parsed, styleOf(io.out, io))
    if (help !== undefined) {
      io.out.write(help === 'version' ? `${io.version}\n` : help)
      return 0
    }
    command = commandOf(parsed.words, COMMANDS)
    const call = callOf(command, parsed, io, opened)
    return (await untilInterrupted(io.signal, command.run(call))) ?? 0
  } catch (error) {
    return report(error, argv, io, command)
  } finally {
    for (const twinkey of opened) await twinkey.close()
  }
}

function helpFor({ words, options }: Parsed, style: Style): string | undefined {
  const has = (name: string) => options.some((each) => each.name === name)
  if (has('version')) return 'version'
  if (!has('help'))
    return words.length === 0 && options.length === 0 ? overview(COMMANDS, style) : undefined
  if (words.length === 0) return overview(COMMANDS, style)
  const isGroup =
    words.length === 1 && COMMANDS.some((each) => each.words.startsWith(`${words[0]} `))
  return isGroup ? overview(COMMANDS, style, words[0]) : helpOf(commandOf(words, COMMANDS), style)
}

function callOf(command: Command, parsed: Parsed, io: Io, opened: Twinkey[]): Call {
  const { given, argument } = readFor(command, parsed)
  const twinkey = async (): Promise<Twinkey> => {
    if (opened[0] === undefined)
      opened.push(requireTwinkey(await io.load(given.get('config')?.[0])))
    return opened[0] as Twinkey
  }
  return {
    io,
    given,
    argument,
    isJson: given.has('json'),
    twinkey,
    async keyring() {
      const actor = given.get('actor')?.[0] ?? `cli:${io.user}`.slice(0, MAX_ACTOR)
      return (await twinkey()).keys.within({ actor })
    },
  }
}

// The command may be in the middle of a call. Closing the Twinkey ends that.
async function untilInterrupted<T>(signal: AbortSignal, running: Promise<T>): Promise<T> {
  running.catch(() => {})
  const interrupted = new Promise<never>((_, reject) => {
    const stop = () => reject(Object.assign(new Error('Stopped.'), { name: 'AbortError' }))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  interrupted.catch(() => {})
  return Promise.race([running, interrupted])
}

/** Writes an error. @returns The exit code. */
export function report(error: unknown, argv: readonly string[], io: Io, command?: Command): number {
  if (io.signal.aborted) {
    io.err.write(`Stopped.${command?.writes ? ' A change may have been made.' : ''}\n`)
    return INTERRUPTED
  }
  const code = isTwinkeyError(error) ? error.code : isUsageError(error) ? 'wrong_input' : 'failed'
  const isWrong = code === 'wrong_input' || code === 'invalid_input'
  const text = messageOf(error)
  // Other messages can begin with the same words, like `name resolution failed`.
  writeError(code, code === 'invalid_input' ? messageWithFlags(text) : text, argv, io)
  const { stack } = (error ?? {}) as { stack?: unknown }
  if (argv.includes('--debug') && typeof stack === 'string') io.err.write(`${plain(stack)}\n`)
  return isWrong ? WRONG_INPUT : FAILED
}

/** Writes a message to standard error. */
export function writeError(code: string, message: string, argv: readonly string[], io: Io): void {
  if (argv.includes('--json')) io.err.write(`${jsonText({ error: { code, message } })}\n`)
  else io.err.write(`${styleOf(io.err, io).red('Error:')} ${plain(message)}\n`)
}
