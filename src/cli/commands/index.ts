import type { Command } from '../command.ts'
import { CHANGING } from './change.ts'
import { CREATE } from './create.ts'
import { DOCTOR } from './doctor.ts'
import { IMPORT } from './import.ts'
import { MAKING } from './make.ts'
import { MIGRATE } from './migrate.ts'
import { READING } from './read.ts'
import { REVOKE_ALL } from './revoke-all.ts'
import { SCANNER_RULES } from './scanner-rules.ts'
import { TOKEN } from './token.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...READING.filter(({ words }) => words.startsWith('keys ')),
  CREATE,
  ...CHANGING,
  REVOKE_ALL,
  IMPORT,
  ...READING.filter(({ words }) => !words.startsWith('keys ')),
  ...MAKING,
  SCANNER_RULES,
  TOKEN,
  MIGRATE,
  DOCTOR,
]
