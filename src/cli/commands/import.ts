import { type ImportKeyInput, isTwinkeyError, type Keyring } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { counted } from '../counted.ts'
import { plain } from '../io.ts'
import { writeJson } from '../show.ts'
import { usageError } from '../usage-error.ts'
import { timeOf } from '../values.ts'

const FAILED = 1
const SKIP_TAKEN = {
  name: 'skip-taken',
  help: 'Pass over secrets that already belong to a key, to repeat an import',
}

interface Line {
  readonly number: number
  readonly input: ImportKeyInput
}
interface Failure {
  readonly line: number
  readonly code: string
  readonly message: string
}

/** Imports keys from a file. */
export const IMPORT: Command = {
  words: 'keys import',
  summary: 'Imports keys from a file with one JSON object in each line, or - for standard input',
  argument: { name: 'FILE' },
  flags: [SKIP_TAKEN],
  examples: ['twinkey keys import keys.jsonl', 'twinkey keys import - --skip-taken < keys.jsonl'],
  writes: true,
  async run(call) {
    const text = await readFile(call)
    const keyring = await call.keyring()
    // Every line is read before the first key is written.
    const lines = linesOf(text, (await call.twinkey()).now())
    const result = await importAll(call, keyring, lines)
    if (call.isJson) writeJson(call, result)
    else
      call.io.out.write(
        `Imported ${counted(result.imported, 'key')}. Skipped ${result.skipped}. Failed ${result.failed.length}.\n`,
      )
    return result.failed.length === 0 ? undefined : FAILED
  },
}

async function readFile({ io, argument = '' }: Call): Promise<string> {
  try {
    return await io.read(argument)
  } catch {
    throw usageError('The file cannot be read. Check its path and its permissions.')
  }
}

function linesOf(text: string, now: number): Line[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const read = lines.flatMap((line, at) => {
    if (line.trim() === '') return []
    const number = at + 1
    try {
      return [{ number, input: withTimes(JSON.parse(line), now) as ImportKeyInput }]
    } catch {
      throw usageError(
        `Line ${number} is not a JSON object with valid times. Write one object in each line, as for keys.import.`,
      )
    }
  })
  if (read.length === 0)
    throw usageError('The file has no lines. Write one JSON object in each line.')
  return read
}

// A file has times as RFC 3339, the keyring takes numbers.
function withTimes(value: unknown, now: number): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError('not an object')
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (name === 'expiresAt' && typeof member === 'string')
        return [name, timeOf(member, name, now, 1)]
      const isSecret = name === 'primary' || name === 'secondary'
      return [name, isSecret ? withTimes(member, now) : member]
    }),
  )
}

async function importAll({ io, given }: Call, keyring: Keyring, lines: readonly Line[]) {
  const failed: Failure[] = []
  let imported = 0
  let skipped = 0
  for (const { number, input } of lines) {
    if (io.signal.aborted) break
    try {
      await keyring.import(input)
      imported++
    } catch (error) {
      if (!isTwinkeyError(error)) throw error
      const { code, message } = error
      if (code === 'secret_taken' && given.has(SKIP_TAKEN.name)) skipped++
      else failed.push({ line: number, code, message })
      if (code !== 'secret_taken' || !given.has(SKIP_TAKEN.name))
        io.err.write(`Line ${number}: ${plain(message)}\n`)
    }
    showProgress(io, imported + skipped + failed.length, lines.length)
  }
  return { imported, skipped, failed }
}

function showProgress({ err }: Call['io'], done: number, all: number): void {
  const isShown = done % 100 === 0 || done === all
  if (err.isTerminal && isShown) err.write(`\r${done} of ${all}${done === all ? '\n' : ''}`)
}
