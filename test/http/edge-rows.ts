import type { Said } from './converse.ts'
import type { Fixture } from './fixture.ts'

/** Bytes that a client may send, and what every host answers. */
export interface EdgeRow {
  readonly name: string
  /** What is sent on one connection. */
  readonly say: (fixture: Fixture) => readonly Said[]
  /** One result for each answer. */
  readonly expected: Verdicts
  /** Answers of a framework or its server that replace the guard's. */
  readonly except: Readonly<Record<string, Verdicts>>
}

/**
 * `200 main/t1` is the handler's answer for a key and a tenant. `401 credential_missing` is a
 * refusal by Twinkey. A status alone is an answer of the framework or its server. Commas separate
 * the results on one connection. Nothing means that the connection was closed.
 */
export type Verdicts = string

export type Field = readonly [name: string, value: string]

const http = (
  version: '1.0' | '1.1',
  method: string,
  target: string,
  fields: readonly Field[],
  body = '',
): string => {
  const host = version === '1.0' ? [] : ['Host: localhost']
  return [
    `${method} ${target} HTTP/${version}`,
    ...host,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ].join('\r\n')
}

export const send = (method: string, target: string, ...fields: Field[]): string =>
  http('1.1', method, target, fields)
export const get = (target: string, ...fields: Field[]): string => send('GET', target, ...fields)
export const getOld = (target: string, ...fields: Field[]): string =>
  http('1.0', 'GET', target, fields)
export const post = (target: string, body: string, ...fields: Field[]): string =>
  http('1.1', 'POST', target, [...fields, ['Content-Length', String(body.length)]], body)

export const auth = (value: string): Field => ['Authorization', value]
export const bearer = (secret: string): Field => auth(`Bearer ${secret}`)
export const apiKey = (value: string): Field => ['X-API-Key', value]

/** The handler's answer to the key `main`. */
export const IN = '200 main/t1'
export const MISSING = '401 credential_missing'
export const INVALID = '401 credential_invalid'
export const MALFORMED = '400 credential_malformed'
export const AMBIGUOUS = '400 credential_ambiguous'
export const UNREADABLE = '400 request_malformed'
export const CONFLICT = '400 target_conflict'
export const DENIED = '403 tenant_denied'

const among =
  (...names: string[]) =>
  (verdicts: Verdicts) =>
    Object.fromEntries(names.map((name) => [name, verdicts]))

/** Exceptions, by what their hosts have in common. */
export const express = among('Express 5', 'Express 4', 'Express 5 on Bun')
export const fastify = among('Fastify 5', 'Fastify 5 on Bun')
export const honoOnNode = among('Hono 4 on Node')
export const honoOnBun = among('Hono 4 on Bun')
export const hono = among('Hono 4 on Node', 'Hono 4 on Bun')
export const web = among('web on Bun')
/** Hosts that get a web-standard request from Bun itself, without Node's http module. */
export const bunServe = among('web on Bun', 'Hono 4 on Bun')
export const onNode = among('Express 5', 'Express 4', 'Fastify 5', 'Hono 4 on Node')
export const onBun = among('web on Bun', 'Hono 4 on Bun', 'Express 5 on Bun', 'Fastify 5 on Bun')
/** Hosts that parse URLs by the WHATWG standard, which removes dot segments before routing. */
export const whatwg = among('Hono 4 on Node', 'web on Bun', 'Hono 4 on Bun')

export function row(
  name: string,
  say: (f: Fixture) => string | readonly Said[],
  expected: Verdicts,
  except: EdgeRow['except'] = {},
): EdgeRow {
  return {
    name,
    say(fixture) {
      const said = say(fixture)
      return typeof said === 'string' ? [{ bytes: said }] : said
    },
    expected,
    except,
  }
}
