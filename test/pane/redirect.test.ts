import { describe, expect, test } from 'vitest'
import { locationWithSlash } from '../../src/endpoints/pane/redirect.ts'

describe('the location of a page without a slash at the end', () => {
  test.each([
    ['/keys', './keys/'],
    ['/a/b?c=/d', './b/?c=/d'],
    ['http://host:80/a/b?c', './b/?c'],
    ['/keys#part', './keys/'],
    ['/of/javascript:alert(1)', './javascript:alert(1)/'],
    ['/of/\\evil.example', './%5Cevil.example/'],
    ['/of/a b\r\nSet-Cookie: c=1', './a%20b%0D%0ASet-Cookie:%20c=1/'],
    ['/of/é?é', './%C3%A9/?%C3%A9'],
    ['//evil.example', './evil.example/'],
  ])('of %j is %s', (url, location) => {
    expect(locationWithSlash(url)).toBe(location)
  })

  test.each(['/', '/keys/', '/keys/?a', '', '?a', 'http://host', 'http://host?a=/b'])(
    'does not exist for %j',
    (url) => {
      expect(locationWithSlash(url)).toBeUndefined()
    },
  )

  test.each(['/of/\\\\evil.example', '/of/..', '//evil.example', '/of/http:', '/of/%2e%2e'])(
    'leads to the same host: %s',
    (url) => {
      const location = locationWithSlash(url) ?? ''
      expect(new URL(location, 'https://host.example/prefix/of/x').origin).toBe(
        'https://host.example',
      )
    },
  )
})
