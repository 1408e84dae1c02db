import { copyList } from '../../core/model/copy.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { prefixProblem, secretPattern } from '../../core/secrets/secret.ts'
import { isSecureUrl } from '../../http/secure-url.ts'

/** For which secrets the rules are. */
export interface ScannerRulesOptions {
  /** The `prefixes` of `createTwinkey`. Keep old prefixes here while their secrets work. */
  readonly prefixes: readonly string[]
  /**
   * The URL to which trufflehog sends each match to learn whether it works. Default: matches are not
   * verified.
   */
  readonly trufflehogVerifyUrl?: string | undefined
}

/** The fields of a custom pattern of GitHub, and of a pattern of its partner programme. */
export interface GithubPattern {
  readonly name: string
  readonly secretFormat: string
  readonly beforeSecret: string
  readonly afterSecret: string
}

/** Rules that find the secrets of a deployment. */
export interface ScannerRules {
  /** A configuration of gitleaks, in TOML. Merge its `[[rules]]` into yours. */
  readonly gitleaks: string
  /** A configuration of trufflehog, in YAML. Merge its `detectors` into yours. */
  readonly trufflehog: string
  /** One pattern for each prefix. */
  readonly github: readonly GithubPattern[]
}

// Random secrets have more than 4.5 bits. Repeated characters in examples have less.
const MIN_ENTROPY = 3.5

/**
 * Writes rules with which secret scanners find secrets with these prefixes. The expressions are
 * those of `secretPattern`, and RE2 and Hyperscan accept them. They do not check the checksum:
 * confirm a match with `hasValidChecksum`.
 *
 * The rules do not find tokens and imported secrets.
 *
 * @param options The prefixes.
 * @returns Texts to store in your repositories. It writes no file itself.
 * @throws TypeError if an option is not valid.
 * @example
 * ```ts
 * import { scannerRules } from 'twinkey/leaks'
 *
 * console.log(scannerRules({ prefixes: ['acme_live', 'acme_test'] }).gitleaks)
 * ```
 */
export function scannerRules(options: ScannerRulesOptions): ScannerRules {
  const { prefixes, trufflehogVerifyUrl } = readOptions(options)
  return Object.freeze({
    gitleaks: prefixes.map(gitleaksRule).join('\n'),
    trufflehog: `detectors:\n${prefixes
      .map((prefix) => trufflehogDetector(prefix, trufflehogVerifyUrl))
      .join('')}`,
    github: Object.freeze(prefixes.map(githubPattern)),
  })
}

function readOptions(options: ScannerRulesOptions) {
  const copy = requireMembers(
    options,
    ['prefixes', 'trufflehogVerifyUrl'],
    'The options of scannerRules',
  )
  const prefixes = copyList(copy.prefixes)
  if (!Array.isArray(prefixes) || prefixes.length === 0)
    throw new TypeError('scannerRules: prefixes must be a list of at least one prefix.')
  for (const prefix of prefixes) {
    const problem = prefixProblem(prefix)
    if (problem !== undefined) throw new TypeError(`scannerRules: each of prefixes ${problem}.`)
  }
  const { trufflehogVerifyUrl } = copy
  if (trufflehogVerifyUrl !== undefined && !isSecureUrl(trufflehogVerifyUrl))
    throw new TypeError(
      'scannerRules: trufflehogVerifyUrl must be an https URL, because secrets are sent to it.',
    )
  return { prefixes: [...new Set<string>(prefixes)], trufflehogVerifyUrl }
}

// The pattern without the word boundaries on both sides.
function formatOf(prefix: string): string {
  return secretPattern(prefix).source.slice('\\b'.length, -'\\b'.length)
}

function gitleaksRule(prefix: string): string {
  return `[[rules]]
id = "${prefix}-secret"
description = "Secret of an API key with the prefix ${prefix}"
regex = '''\\b(${formatOf(prefix)})\\b'''
secretGroup = 1
entropy = ${MIN_ENTROPY}
keywords = ["${prefix.toLowerCase()}_"]
`
}

function trufflehogDetector(prefix: string, verifyUrl: string | undefined): string {
  const verify =
    verifyUrl === undefined ? '' : `    verify:\n      - endpoint: '${quoted(verifyUrl)}'\n`
  return `  - name: '${prefix}'
    keywords:
      - '${prefix.toLowerCase()}_'
    regex:
      secret: '\\b(${formatOf(prefix)})\\b'
${verify}`
}

// An apostrophe in a single-quoted text of YAML is written twice.
function quoted(text: string): string {
  return text.replaceAll("'", "''")
}

function githubPattern(prefix: string): GithubPattern {
  return Object.freeze({
    name: `${prefix} secret`,
    secretFormat: formatOf(prefix),
    beforeSecret: '\\A|[^0-9A-Za-z_]',
    afterSecret: '\\z|[^0-9A-Za-z_]',
  })
}
