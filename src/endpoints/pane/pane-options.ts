import { requireMembers, requireNumber } from '../../core/model/options-checks.ts'
import type { Profile } from '../../http/profile.ts'
import { type PaneStrings, STRINGS } from '../../pane-app/strings.ts'
import { standard } from '../../profiles/standard.ts'
import { isOrigin } from '../management/forgery.ts'
import { MANAGEMENT_OPTIONS, type ManagementOptions } from '../management/options.ts'
import { headerOf, type SecretHeader } from './secret-header.ts'

/** Replacements for texts of the page, by name. */
export type PaneTexts = Readonly<Partial<Record<keyof PaneStrings, string>>>

/** Options of the pane. */
export interface PaneOptions extends ManagementOptions {
  /** The heading of the page: 1 to 100 characters. Default: `API keys`. */
  readonly title?: string | undefined
  /** The accent color, as `#rrggbb`. Text keeps a contrast of 4.5:1 with any color. */
  readonly accent?: string | undefined
  /** The language of the page and of its dates, as a BCP 47 tag. Default: `en`. */
  readonly lang?: string | undefined
  /** Replaces texts of the page, by name. `{name}` in a text stands for a value. */
  readonly strings?: PaneTexts | undefined
  /**
   * After how many seconds without use the page calls a secret idle: 60 to 31,536,000. Default:
   * 86,400, one day.
   */
  readonly idleAfterSeconds?: number | undefined
  /**
   * The URL that the page shows in a command that tests a new secret. Default: the root of the host
   * of the page.
   */
  readonly testUrl?: string | undefined
  /** The wire convention of your API, which decides how a command sends a secret. Default: {@link standard}. */
  readonly profile?: Profile | undefined
  /**
   * The origins of pages that may show this one in a frame, like `https://admin.example.com`.
   * Default: none. Sites can trick people into clicks on a page that they frame, so list only your
   * own.
   */
  readonly frameAncestors?: readonly string[] | undefined
}

/** The checked options that the page uses. */
export interface PaneSettings {
  readonly title: string
  readonly lang: string
  readonly strings: PaneTexts
  readonly noScript: string
  readonly idleAfterSeconds: number
  readonly test: SecretHeader & { readonly url: string | null }
  readonly accent: string | undefined
  readonly frameAncestors: readonly string[]
}

const OWN = [
  'title',
  'accent',
  'lang',
  'strings',
  'idleAfterSeconds',
  'testUrl',
  'profile',
  'frameAncestors',
] as const
const DAY = 86_400

/** Checks and copies the options, and splits them into those of the API and those of the page. */
export function readPaneOptions(options: PaneOptions): {
  readonly management: ManagementOptions
  readonly settings: PaneSettings
} {
  const { authorize, policy, origins, ...own } = requireMembers(
    options,
    [...MANAGEMENT_OPTIONS, ...OWN],
    'The options of paneEndpoints',
  )
  const strings = readStrings(own.strings)
  return {
    management: {
      authorize,
      ...(policy === undefined ? {} : { policy }),
      ...(origins === undefined ? {} : { origins }),
    },
    settings: {
      title: readTitle(own.title),
      lang: readLang(own.lang),
      strings,
      noScript: strings.no_script ?? STRINGS.no_script,
      idleAfterSeconds: requireNumber(
        own.idleAfterSeconds,
        DAY,
        60,
        365 * DAY,
        'idleAfterSeconds',
        Number.isInteger,
      ),
      test: { url: readTestUrl(own.testUrl), ...headerOf(own.profile ?? standard()) },
      accent: readAccent(own.accent),
      frameAncestors: readOrigins(own.frameAncestors),
    },
  }
}

function readTitle(title: unknown = 'API keys'): string {
  if (typeof title === 'string' && title.trim() !== '' && title.length <= 100) return title
  throw new TypeError("title must be a text of 1 to 100 characters, like 'API keys'.")
}

function readAccent(accent: unknown): string | undefined {
  if (accent === undefined) return undefined
  if (typeof accent === 'string' && /^#[0-9a-f]{6}$/i.test(accent)) return accent.toLowerCase()
  throw new TypeError("accent must be a color with six digits, like '#4f46e5'.")
}

function readLang(lang: unknown = 'en'): string {
  try {
    if (typeof lang === 'string' && lang !== '') return new Intl.Locale(lang).toString()
  } catch {
    // Not a tag.
  }
  throw new TypeError("lang must be a BCP 47 language tag, like 'en' or 'pt-BR'.")
}

function readStrings(strings: unknown = {}): PaneTexts {
  const copy = requireMembers(strings, Object.keys(STRINGS), 'strings')
  const given = Object.entries(copy as object).filter(([, text]) => text !== undefined)
  for (const [name, text] of given)
    if (typeof text !== 'string') throw new TypeError(`strings: ${name} must be a text.`)
  return Object.fromEntries(given)
}

function readTestUrl(url: unknown): string | null {
  if (url === undefined) return null
  if (typeof url === 'string' && /^https?:\/\/[!-~]+$/.test(url) && URL.canParse(url)) return url
  throw new TypeError("testUrl must be an absolute URL, like 'https://api.example.com/me'.")
}

function readOrigins(origins: unknown = []): readonly string[] {
  const copy = Array.isArray(origins) ? [...origins] : undefined
  if (copy?.every((each) => isOrigin(each) && ORIGIN.test(each))) return copy
  throw new TypeError(
    "frameAncestors must be a list of origins without a path, like ['https://admin.example.com'].",
  )
}

// Leaves no character that could add a directive to the policy.
const ORIGIN = /^https?:\/\/[\w.[\]:-]+$/
