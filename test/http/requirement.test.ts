import { header, param, query, routeTemplate } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { NodeWireRequest } from '../../src/wire/request.ts'
import { CheckedRequirement } from '../../src/wire/requirement.ts'

describe('a requirement that would not guard what it seems to is refused, with what to do', () => {
  const ACCEPT = "requireAuth: accept must be a list of 'secret' and 'token', with at least one of them."
  const SWITCHES = 'requireAuth: optional and anyTarget must be true or false.'
  const THROTTLE = 'requireAuth: throttle must be an object with the methods retryAfterSeconds(peer) and failed(peer).'
  const anyTarget = (axis: string) => `requireAuth: anyTarget checks no axis, so it cannot go with ${axis}. Leave one of the two out.`
  const COLON =
    'is a fixed name, so it does not begin with a colon: must be read by param(), or a reader like param(), header() or query().'

  it.each<[object, string]>([
    [{ accept: [] }, ACCEPT],
    [{ accept: 'secret' }, ACCEPT],
    [{ accept: ['secret', 'cookie'] }, ACCEPT],
    [{ accept: ['cookie', 'token'] }, ACCEPT],
    [{ optional: 'true' }, SWITCHES],
    [{ anyTarget: 1 }, SWITCHES],
    [{ anyTarget: true, tenant: 't' }, anyTarget('tenant')],
    [{ anyTarget: true, workflow: 'w' }, anyTarget('workflow')],
    [{ tenant: '*' }, 'requireAuth: tenant must be one name, or a reader like param(), header() or query().'],
    [{ tenant: ':tenant' }, `requireAuth: tenant ${COLON}`],
    [{ profile: null }, 'requireAuth: profile must be a profile, like standard().'],
    [{ profile: {} }, 'requireAuth: profile must be a profile, like standard().'],
    [{ throttle: null }, THROTTLE],
    [{ throttle: 7 }, THROTTLE],
    [{ throttle: Object.assign(() => {}, { retryAfterSeconds: () => {}, failed: () => {} }) }, THROTTLE],
    [{ throttle: { retryAfterSeconds: () => {} } }, THROTTLE],
  ])('%j', (requirement, message) => {
    expect(() => new CheckedRequirement(requirement)).toThrow(new TypeError(message))
  })

  it('an unknown member too', () => {
    expect(() => new CheckedRequirement({ tennant: 't' } as never)).toThrow(/^requireAuth: the requirement /)
  })

  it.each([
    ['param', param],
    ['header', header],
    ['query', query],
  ])('a name for %s that is none', (name, make) => {
    for (const each of ['', undefined, 7])
      expect(() => make(each as string)).toThrow(new TypeError(`${name}: the name must be a string that is not empty.`))
  })
})

describe('the template of a route', () => {
  const route = { param: () => undefined, template: () => '/flows/:id' }
  it.each([
    ['GET', 'GET /flows/:id'],
    ['HEAD', 'GET /flows/:id'],
    ['POST', 'POST /flows/:id'],
  ])('names the workflow with its method, %s', (method, workflow) => {
    expect(routeTemplate()(new NodeWireRequest({ method }, {}, route))).toBe(workflow)
  })

  it('names none where no route is known', () => {
    expect(routeTemplate()(new NodeWireRequest({}))).toBeUndefined()
  })
})

it('what is to be read is read once for each reader, and a route that checks nothing reads nothing', () => {
  const tenant = header('x-tenant')
  const { readers, names } = new CheckedRequirement({ tenant, workflow: 'w' })
  expect([readers, names]).toEqual([[tenant], [0, undefined, undefined, undefined, 'w', undefined]])
  const none = new CheckedRequirement({ anyTarget: true })
  expect([none.readers, none.names]).toEqual([[], []])
})
