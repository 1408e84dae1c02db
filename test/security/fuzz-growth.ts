import { fromScopeString } from '../../src/core/model/scope.ts'
import {
  hasOurPrefix,
  hasValidChecksum,
  isWellFormed,
  keyIdOf,
} from '../../src/core/secrets/secret.ts'
import { isIssuedBy, isTokenLike } from '../../src/core/tokens/token.ts'
import { readBody } from '../../src/http/body.ts'
import { readHeader, readQuery, withoutQuery } from '../../src/http/request.ts'
import type { Profile, WireRequest } from '../../src/index.ts'
import { redactUrl, secretPattern } from '../../src/index.ts'
import { ISSUER, PREFIXES } from './fuzz-scene.ts'

/** A parser, and the texts that would take it longest if it took more than linear time. */
export interface Grower {
  readonly name: string
  readonly parse: (text: string) => unknown
  /** The repeated part of a text. If there is a second part, it stands once at the end. */
  readonly made: readonly (readonly [string, string?])[]
}

/** Lengths at which parsers are timed. */
export const LENGTHS: readonly number[] = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]

const ANY: Grower['made'] = [
  ['a'],
  ['=', '\0'],
  [' ', 'x'],
  [',', 'x'],
  ['.', ' '],
  ['_'],
  ['é'],
  ['a,', ' '],
]

/** Every parser of text, each with what its grammar repeats. */
export function growers(profiles: readonly Profile[]): readonly Grower[] {
  const encoder = new TextEncoder()
  const pattern = secretPattern('acme')
  return [
    {
      name: 'keyIdOf',
      parse: (text) => keyIdOf(text, PREFIXES) ?? hasOurPrefix(text, PREFIXES),
      made: [...ANY, ['acme_']],
    },
    { name: 'isWellFormed', parse: isWellFormed, made: ANY },
    { name: 'hasValidChecksum', parse: hasValidChecksum, made: ANY },
    {
      name: 'secretPattern',
      parse: (text) => pattern.test(text),
      made: [...ANY, ['acme_', ' '], ['acme_a '], [`acme_${'a'.repeat(64)} `]],
    },
    { name: 'isTokenLike', parse: isTokenLike, made: [...ANY, ['eyJ']] },
    {
      name: 'isIssuedBy',
      parse: (text) => isIssuedBy(text, ISSUER),
      made: [...ANY, ['eyJ.', 'eyJ'], ['a.'], ['eyJ', '.e30.e30']],
    },
    {
      name: 'readQuery',
      parse: (text) => readQuery(`/?${text}`, 'auth-key'),
      made: [...ANY, ['&'], ['a=b&'], ['%61'], ['%'], ['auth-key=&']],
    },
    {
      name: 'withoutQuery',
      parse: (text) => withoutQuery(`/?${text}`, ['auth-key']),
      made: [...ANY, ['&'], ['%61'], ['auth-key=a&'], ['?'], ['#']],
    },
    {
      name: 'redactUrl',
      parse: (text) => redactUrl(`/?${text}`, ['auth-key']),
      made: [...ANY, ['&'], ['%61'], ['auth-key=a&'], ['?'], ['#'], ['\t', '#']],
    },
    { name: 'readHeader', parse: (text) => readHeader(requestOf(text), 'name'), made: ANY },
    {
      name: 'fromScopeString',
      parse: fromScopeString,
      made: [...ANY, ['tenant:a '], ['tenant:* '], ['%61', ' '], ['tenant:']],
    },
    {
      name: 'readBody of JSON',
      parse: (text) => readBody({ bytes: encoder.encode(`{"a":${text}}`) }),
      made: [...ANY, ['['], ['{"a":'], ['1'], ['"']],
    },
    {
      name: 'readBody of a form',
      parse: (text) => readBody({ bytes: encoder.encode(text) }),
      made: [...ANY, ['a=', ' x'], ['a&'], ['a=b&'], ['=', ' x'], ['%61', '=']],
    },
    ...profiles.flatMap(({ name, credential, exchangeCredential }) =>
      [credential, ...(exchangeCredential === undefined ? [] : [exchangeCredential])].map(
        (read, at): Grower => ({
          name: `credential of ${name}${at === 0 ? '' : ' at the exchange'}`,
          parse: (text) => read(requestOf(text)),
          made: [
            ...ANY,
            [',bearer'],
            ['Bearer '],
            ['bearer ,'],
            ['Key='],
            [',  ', 'key'],
            [', ', 'bearer'],
            ['Basic '],
            ['Basic QUJD'],
          ],
        }),
      ),
    ),
  ]
}

/** A text of one length, made of what is repeated and what stands at its end. */
export function grown([unit, end = '']: readonly [string, string?], length: number): string {
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length - end.length) + end
}

/** The exponent of the power that fits the points best: 1 is linear, 2 is quadratic. */
export function exponentOf(points: readonly (readonly [size: number, cost: number])[]): number {
  const logs = points.map(([size, cost]) => [Math.log(size), Math.log(cost)] as const)
  const mean = (of: 0 | 1) => logs.reduce((sum, log) => sum + log[of], 0) / logs.length
  const [x, y] = [mean(0), mean(1)]
  const across = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0)
  return across / logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0)
}

// The text is in every field and after every scheme that is read.
function requestOf(text: string): WireRequest {
  const fields: Record<string, string> = { authorization: text, name: text }
  return {
    method: 'GET',
    url: `/?${text}`,
    header: (name) => fields[name] ?? text,
    param: () => undefined,
  }
}
