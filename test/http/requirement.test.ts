import { from, type Refusal } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { REFUSALS, unseenOf } from '../../src/core/model/refusal.ts'
import { CheckedRequirement } from '../../src/guard/requirement.ts'
import { NodeWireRequest } from '../../src/http/request.ts'

describe('an invalid requirement is rejected, with advice', () => {
  const ACCEPT =
    "requireAuth: accept must be a list of 'secret' and 'token', with at least one of them."
  const SWITCHES = 'requireAuth: optional and anyTarget must be true or false.'
  const RESOURCE =
    'requireAuth: resource must be the URI of a resource, or a list of them with at least one.'
  const THROTTLE =
    'requireAuth: throttle must be an object with the methods retryAfterSeconds(peer) and failed(peer).'
  const anyTarget = (axis: string) =>
    `requireAuth: anyTarget checks no axis, so it cannot go with ${axis}. Leave one of the two out.`
  const OR_READER =
    "or a reader that was called, like from.param('id'), from.header('x-id') or from.query('id')."

  it.each<[object, string]>([
    [{ accept: [] }, ACCEPT],
    [{ accept: 'secret' }, ACCEPT],
    [{ accept: ['secret', 'cookie'] }, ACCEPT],
    [{ accept: ['cookie', 'token'] }, ACCEPT],
    [{ optional: 'true' }, SWITCHES],
    [{ anyTarget: 1 }, SWITCHES],
    [{ anyTarget: true, tenant: 't' }, anyTarget('tenant')],
    [{ anyTarget: true, workflow: 'w' }, anyTarget('workflow')],
    [{ tenant: '*' }, `requireAuth: tenant must be one name, ${OR_READER}`],
    [
      { tenant: ':tenant' },
      `requireAuth: tenant must be a name without a colon before it, ${OR_READER}`,
    ],
    [{ profile: null }, 'requireAuth: profile must be a profile, like standard().'],
    [{ profile: {} }, 'requireAuth: profile must be a profile, like standard().'],
    [{ resource: '' }, RESOURCE],
    [{ resource: [] }, RESOURCE],
    [{ resource: ['https://api.example', 7] }, RESOURCE],
    [{ resource: null }, RESOURCE],
    [{ resource: /.*/ }, RESOURCE],
    [
      { resource: 'https://api.example', accept: ['secret'] },
      "requireAuth: resource limits tokens only, so accept must hold 'token'. Leave one of the two out.",
    ],
    [{ throttle: null }, THROTTLE],
    [{ throttle: 7 }, THROTTLE],
    [
      { throttle: Object.assign(() => {}, { retryAfterSeconds: () => {}, failed: () => {} }) },
      THROTTLE,
    ],
    [{ throttle: { retryAfterSeconds: () => {} } }, THROTTLE],
  ])('%j', (requirement, message) => {
    expect(() => new CheckedRequirement(requirement)).toThrow(new TypeError(message))
  })

  it.each([
    ['from.param', from.param],
    ['from.header', from.header],
    ['from.query', from.query],
  ])('an invalid option of %s', (name, make) => {
    expect(() => make('x', { optional: 1 } as never)).toThrow(
      new TypeError(`${name}: optional must be true or false.`),
    )
    expect(() => make('x', { optionel: true } as never)).toThrow(`${name}: the options `)
    expect(() => make('x', null as never)).toThrow(`${name}: the options `)
    expect([
      make('x').optional,
      make('x', { optional: false }).optional,
      make('x', { optional: true }).optional,
    ]).toEqual([undefined, undefined, true])
  })

  it('an invalid option of a function', () => {
    const tenant = Object.assign(() => 't', { optional: 'yes' as never })
    expect(() => new CheckedRequirement({ tenant })).toThrow(
      new TypeError('requireAuth: tenant: optional must be true or false.'),
    )
  })

  it('an unknown member', () => {
    expect(() => new CheckedRequirement({ tennant: 't' } as never)).toThrow(
      /^requireAuth: the requirement /,
    )
  })

  it.each([
    ['from.param', from.param],
    ['from.header', from.header],
    ['from.query', from.query],
  ])('an invalid name for %s', (name, make) => {
    for (const each of ['', undefined, 7])
      expect(() => make(each as string)).toThrow(
        new TypeError(`${name}: the name must be a string that is not empty.`),
      )
  })
})

describe('the template of a route', () => {
  const route = { param: () => undefined, template: () => '/flows/:id' }
  it.each([
    ['GET', 'GET /flows/:id'],
    ['HEAD', 'GET /flows/:id'],
    ['POST', 'POST /flows/:id'],
  ])('names the workflow with its method, %s', (method, workflow) => {
    expect(from.routeTemplate()(new NodeWireRequest({ method }, {}, route))).toBe(workflow)
  })

  it('is refused if no route is known, as for a guard in the wrong place', () => {
    const refused = from.routeTemplate()(new NodeWireRequest({}))
    expect(refused).toEqual(REFUSALS.requestMalformed)
    expect(unseenOf(refused as Refusal)).toEqual({ parameter: undefined, template: undefined })
  })
})

it('a route requires each name that it reads, unless the reader is optional', () => {
  const optional = Object.assign(() => undefined, { optional: true })
  expect(
    new CheckedRequirement({ tenant: from.query('t'), environment: 'e', workflow: () => 'w' })
      .required,
  ).toEqual(['tenant', 'workflow'])
  expect(
    new CheckedRequirement({ tenant: optional, environment: from.header('e', { optional: true }) })
      .required,
  ).toEqual([])
  // An inherited member does not count: a polluted prototype must not open a route.
  const inherited = Object.setPrototypeOf(() => undefined, optional)
  expect(new CheckedRequirement({ tenant: inherited }).required).toEqual(['tenant'])
})

it('each reader reads once, and a route that checks nothing reads nothing', () => {
  const tenant = from.header('x-tenant')
  const { readers, names } = new CheckedRequirement({ tenant, workflow: 'w' })
  expect([readers, names]).toEqual([[tenant], [0, undefined, undefined, undefined, 'w', undefined]])
  const none = new CheckedRequirement({ anyTarget: true })
  expect([none.readers, none.names]).toEqual([[], []])
})
