import { type GithubPattern, type ScannerRules, scannerRules } from '../../endpoints/leaks/index.ts'
import type { Command } from '../command.ts'
import { writeJson } from '../show.ts'
import { usageError } from '../usage-error.ts'
import { choiceOf } from '../values.ts'

const FORMATS = ['gitleaks', 'trufflehog', 'github'] as const satisfies (keyof ScannerRules)[]

/** Prints rules for secret scanners. */
export const SCANNER_RULES: Command = {
  words: 'scanner-rules',
  summary: 'Prints rules with which secret scanners find the secrets of this application',
  flags: [
    {
      name: 'format',
      value: FORMATS.join('|'),
      help: 'The scanner that reads the rules. Default: gitleaks',
    },
    {
      name: 'verify-url',
      value: 'URL',
      help: 'Where trufflehog asks whether a secret works. It sends the secret there',
    },
  ],
  examples: [
    'twinkey scanner-rules >> .gitleaks.toml',
    'twinkey scanner-rules --format trufflehog > trufflehog.yaml',
    'twinkey scanner-rules --format github',
  ],
  async run(call) {
    const given = call.given.get('format')?.[0] ?? 'gitleaks'
    const format = choiceOf(given, '--format', FORMATS) as (typeof FORMATS)[number]
    const verifyUrl = call.given.get('verify-url')?.[0]
    if (verifyUrl !== undefined && format !== 'trufflehog')
      throw usageError('--verify-url is for --format trufflehog.')
    const { prefixes } = (await call.twinkey()).settings()
    const rules = rulesFor(prefixes, verifyUrl)
    if (call.isJson) writeJson(call, { [format]: rules[format] })
    else call.io.out.write(format === 'github' ? textOf(rules.github) : rules[format])
    return undefined
  },
}

function rulesFor(prefixes: readonly string[], verifyUrl?: string) {
  try {
    return scannerRules({ prefixes, trufflehogVerifyUrl: verifyUrl })
  } catch (error) {
    if (verifyUrl === undefined) throw error
    // The prefixes of a Twinkey are valid.
    throw usageError('--verify-url must be an https URL, because secrets are sent to it.')
  }
}

// GitHub takes a pattern in a form, field by field.
function textOf(patterns: readonly GithubPattern[]): string {
  return patterns
    .map(({ name, secretFormat, beforeSecret, afterSecret }) =>
      [
        name,
        `  Secret format  ${secretFormat}`,
        `  Before secret  ${beforeSecret}`,
        `  After secret   ${afterSecret}`,
        '',
      ].join('\n'),
    )
    .join('\n')
}
