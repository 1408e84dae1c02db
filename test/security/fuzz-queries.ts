import { isRefusal } from '../../src/core/model/refusal.ts'
import { readQuery, withoutQuery } from '../../src/http/request.ts'
import { redactUrl } from '../../src/index.ts'
import { refusalProblem } from './fuzz-refusals.ts'
import type { Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import { anyText } from './fuzz-texts.ts'
import { anyUrl, queryValues, wellFormed } from './fuzz-wire.ts'

/** The functions that read and rewrite a query. A test can pass broken ones. */
export interface QueryParser {
  readonly readQuery: (url: string, name: string) => unknown
  readonly withoutQuery: (url: string, names: readonly string[]) => string
  readonly redactUrl: (url: string, names: readonly string[]) => string
}

const NAME = 'auth-key'

/**
 * The query, compared with URLSearchParams. A credential that was read is removed for handlers and
 * logs.
 */
export function queryTarget(
  { secrets, texts }: Pick<FuzzScene, 'secrets' | 'texts'>,
  parser: QueryParser = { readQuery, withoutQuery, redactUrl },
): Target<string> {
  return {
    name: 'query',
    make: (random) =>
      anyUrl(random, () => (random.oneIn(2) ? random.pick(secrets) : anyText(random, texts))),
    judge(url) {
      const read = parser.readQuery(url, NAME)
      const hidden = parser.withoutQuery(url, [NAME])
      const redacted = parser.redactUrl(url, [NAME])
      if (
        parser.readQuery(behindPath(hidden), NAME) !== undefined ||
        namesIn(hidden).includes(NAME)
      )
        return { wrong: `handlers see ${hidden}` }
      const left = queryValues(redacted, NAME)
        .filter(isVisible)
        .filter((value) => value !== '[redacted]')
      if (left.length > 0) return { wrong: `logs show ${redacted}` }
      if (parser.redactUrl(redacted, [NAME]) !== redacted)
        return { wrong: `redacting again changes ${redacted}` }
      // Handlers lose only what is secret to a log.
      if (redacted === url && hidden !== url) return { wrong: `handlers miss something of ${url}` }
      if (isRefusal(read)) {
        const problem = refusalProblem(read)
        return problem === undefined ? 'refused' : { wrong: problem }
      }
      const values = queryValues(url, NAME)
      if (read === undefined) return values.length === 0 ? 'refused' : { wrong: 'it was not read' }
      if (values.length !== 1 || values[0] !== wellFormed(String(read)))
        return { wrong: `read as ${JSON.stringify(read)}` }
      return 'taken'
    },
  }
}

// The path belongs to the router: nothing is removed from it.
function behindPath(url: string): string {
  const start = url.search(/[?#]/)
  return start < 0 ? '' : url.slice(start)
}

// The names that a lenient parser finds: in query and fragment, in any case, with brackets or an
// extra question mark.
function namesIn(url: string): string[] {
  const parts = behindPath(url).split('#')
  return parts
    .flatMap((part) => [...new URLSearchParams(part).keys()])
    .map((name) => name.toLowerCase().replace(/^\?+|\[\]$/g, ''))
}

// What could be a credential: one that continues after a blank is none, and the blank may be the
// end of the URL in a line.
function isVisible(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value)
}
