import { redactUrl } from 'twinkey'
import { isRefusal } from '../../src/core/refusal.ts'
import { readQuery, withoutQuery } from '../../src/wire/request.ts'
import { refusalProblem } from './fuzz-refusals.ts'
import type { Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import { anyText } from './fuzz-texts.ts'
import { anyUrl } from './fuzz-wire.ts'

/** What reads and rewrites a query: handed in, so that a test can hand in something broken. */
export interface QueryParser {
  readonly readQuery: (url: string, name: string) => unknown
  readonly withoutQuery: (url: string, names: readonly string[]) => string
  readonly redactUrl: (url: string) => string
}

const NAME = 'auth-key'

/** The query: held to URLSearchParams. Of what is read as a credential nothing is left for handlers and logs. */
export function queryTarget(
  { secrets, texts }: Pick<FuzzScene, 'secrets' | 'texts'>,
  parser: QueryParser = { readQuery, withoutQuery, redactUrl },
): Target<string> {
  return {
    name: 'query',
    make: (random) => anyUrl(random, () => (random.oneIn(2) ? random.pick(secrets) : anyText(random, texts))),
    judge(url) {
      const read = parser.readQuery(url, NAME)
      const hidden = parser.withoutQuery(url, [NAME])
      const redacted = parser.redactUrl(url)
      if (parser.readQuery(hidden, NAME) !== undefined) return { wrong: `handlers see ${hidden}` }
      const left = valuesOf(redacted).filter((value) => value !== '[redacted]')
      if (left.length > 0) return { wrong: `logs show ${redacted}` }
      if (parser.redactUrl(redacted) !== redacted) return { wrong: `redacting again changes ${redacted}` }
      if (isRefusal(read)) {
        const problem = refusalProblem(read)
        return problem === undefined ? 'refused' : { wrong: problem }
      }
      const values = valuesOf(url)
      if (read === undefined) return values.length === 0 ? 'refused' : { wrong: 'it was not read' }
      if (values.length !== 1 || values[0] !== read) return { wrong: `read as ${JSON.stringify(read)}` }
      return 'taken'
    },
  }
}

// By the platform: what stands between the first question mark and the fragment.
function valuesOf(url: string): string[] {
  const [target = ''] = url.split('#')
  const start = target.indexOf('?')
  return start < 0 ? [] : new URLSearchParams(target.slice(start + 1).replace(/^\?/, '%3f')).getAll(NAME)
}
