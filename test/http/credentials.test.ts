import { flare, flowgear, standard } from 'twinkey/profiles'
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/core/model/refusal.ts'
import { readBearer } from '../../src/http/credential.ts'
import { NodeWireRequest } from '../../src/http/request.ts'

const sent = (authorization?: string, url = '/') =>
  new NodeWireRequest({
    url,
    rawHeaders: authorization === undefined ? [] : ['Authorization', authorization],
  })
const account = { userId: 1, userEmail: 'a@b.c', organizationId: 2, tenantId: 7 }
const Flare = flare({ account: () => account })
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('the scheme Bearer', () => {
  it.each(['a=b,Bearer', 'a=b, Bearer x', 'Bearer,x', 'bearer x,y'])(
    'that stands in a list is ambiguous: %s',
    (field) => {
      expect(readBearer(field, 'either')).toBe(REFUSALS.credentialAmbiguous)
    },
  )

  it.each(['Digest bearer x', 'Bearerx y', 'Key=bearer', 'x, y'])(
    'is not read in another field: %s',
    (field) => {
      expect(readBearer(field, 'either')).toBeUndefined()
    },
  )

  it('may hold a secret or a token, for the standard profile and for Flowgear', () => {
    for (const profile of [standard(), flowgear()])
      expect(profile.credential(sent('Bearer x'))).toMatchObject({
        text: 'x',
        kinds: 'either',
        inAuthorizationHeader: true,
      })
  })
})

describe('a key at the exchange of Flare', () => {
  it.each([
    ['bare', 'abc', 'abc'],
    ['as a Bearer', 'Bearer abc', 'abc'],
    ['as the password of Basic', `Basic ${base64(':abcd')}`, 'abcd'],
    ['as a password that is padded once', `Basic ${base64(':abcdefg')}`, 'abcdefg'],
    ['as a password that is padded twice', `bASIC  ${base64(':abc')}`, 'abc'],
  ])('is read %s, as a secret that no cache keeps', (_name, field, text) => {
    expect(Flare.exchangeCredential?.(sent(field))).toMatchObject({
      text,
      kinds: 'secret',
      inAuthorizationHeader: true,
    })
  })

  it.each([
    ['no password', 'Basic'],
    ['no padding', `Basic ${base64(':abc').replaceAll('=', '')}`],
    ['a character too few', 'Basic OmFiY=='],
    ['a character too many', 'Basic OmFiYwa'],
    ['the name of a user', `Basic ${base64('u:abc')}`],
    ['a password of nothing', `Basic ${base64(':')}`],
  ])('is refused in a Basic with %s', (_name, field) => {
    expect(Flare.exchangeCredential?.(sent(field))).toBe(REFUSALS.credentialMalformed)
  })

  it('is missing where no field is there', () => {
    expect(Flare.exchangeCredential?.(sent())).toBe(REFUSALS.credentialMissing)
  })
})

describe('the tenant that Flare shows', () => {
  it.each([
    ['the one that the scope has', ['3'], 3],
    ['a name that is no number, as it is', ['acme'], 'acme'],
    ['that of the account, where the scope has several', ['3', '4'], 7],
    ['that of the account, where the scope has all', '*', 7],
  ] as const)('is %s', async (_name, tenants, shown) => {
    const principal = { keyId: 'k', scope: { tenants, environments: '*', workflows: '*' } } as never
    const answer = await Flare.tokenTested(principal)
    expect(JSON.parse('body' in answer ? String(answer.body) : '')).toMatchObject({
      api_key_id: 'k',
      tenant_id: shown,
    })
  })
})

describe('a key of Flowgear', () => {
  it.each([
    ['in a list with no blank', 'a=b,Key=c', '/'],
    ['in a list with a blank', 'a=b, Key=c', '/'],
    ['in a list with blanks', 'a=b,  Key=c', '/'],
    ['twice in the query', undefined, '/?auth-key=a&auth-key=b'],
    ['in two places, of which neither can be read', 'Key=', '/?auth-key=%ff'],
    ['in two places, of which one cannot be read', 'Key=a', '/?auth-key=%ff'],
    ['in two places, of which the other cannot be read', 'Key=', '/?auth-key=a'],
    ['in two places that differ', 'Key=a', '/?auth-key=b'],
  ])('is ambiguous %s', (_name, field, url) => {
    expect(flowgear().credential(sent(field, url))).toBe(REFUSALS.credentialAmbiguous)
  })

  it('is accepted if both places agree', () => {
    expect(flowgear().credential(sent('Key=a', '/?auth-key=a'))).toMatchObject({
      text: 'a',
      kinds: 'secret',
      inAuthorizationHeader: false,
    })
  })
})

describe('the lifetime that a form asks for', () => {
  const principal = {} as never
  it.each([
    ['60', 60],
    ['3600', 3600],
  ])('is a number as text: %s', async (seconds, lifetimeSeconds) => {
    expect(await standard().tokenRequest({ expires_in: seconds }, principal)).toEqual({
      scope: {},
      lifetimeSeconds,
    })
  })

  it.each([' 60', '60 ', '1e3', '+60', '0x3c', '00060', '', '60.0'])(
    'is refused if it is anything else: %j',
    async (seconds) => {
      expect(await standard().tokenRequest({ expires_in: seconds }, principal)).toBe(
        REFUSALS.lifetimeMalformed,
      )
    },
  )
})
