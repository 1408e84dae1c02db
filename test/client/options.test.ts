import { type ClientOptions, createClient } from 'twinkey/client'
import { describe, expect, it } from 'vitest'

const right: ClientOptions = {
  tokenUrl: 'https://api.example.com/tokens',
  secrets: ['acme_x'],
  origins: ['https://api.example.com'],
}
const withOption = (more: object) => () => createClient({ ...right, ...more } as ClientOptions)

describe('an option that is wrong fails at construction', () => {
  it.each<[string, object, RegExp]>([
    ['a plain http token URL', { tokenUrl: 'http://api.example.com/tokens' }, /https/],
    ['no token URL', { tokenUrl: undefined }, /https/],
    ['a relative token URL', { tokenUrl: '/tokens' }, /https/],
    ['a token URL with a user', { tokenUrl: 'https://a:b@api.example.com/' }, /user name/],
    ['no secrets', { secrets: undefined }, /list/],
    ['an empty list of secrets', { secrets: [] }, /list/],
    ['three secrets', { secrets: ['a', 'b', 'c'] }, /list/],
    ['a secret that is not set', { secrets: [undefined] }, /secrets\[0\]/],
    ['an empty secret', { secrets: [' '] }, /secrets\[0\]/],
    ['a secret with a line break', { secrets: ['a\nb'] }, /secrets\[0\]/],
    ['a secret that is no text', { secrets: ['a', 5] }, /secrets\[1\]/],
    ['no origins', { origins: undefined }, /origins/],
    ['an empty list of origins', { origins: [] }, /origins/],
    ['an origin with a path', { origins: ['https://api.example.com/v1'] }, /without a path/],
    ['a plain http origin', { origins: ['http://api.example.com'] }, /https/],
    ['a wildcard', { origins: ['*'] }, /https/],
    ['a loopback look-alike', { origins: ['http://localhost.example.com'] }, /https/],
    ['an empty scope', { scope: '' }, /scope/],
    ['a scope that is no text', { scope: ['a'] }, /scope/],
    ['an empty resource', { resource: '' }, /resource/],
    ['a fetch that is no function', { fetch: {} }, /fetch/],
    ['an onFailover that is no function', { onFailover: true }, /onFailover/],
    ['a clock that is no function', { now: 5 }, /now/],
    ['a deadline of zero', { deadlineSeconds: 0 }, /deadlineSeconds/],
    ['a deadline of an hour', { deadlineSeconds: 3600 }, /deadlineSeconds/],
    ['a misspelt option', { origin: ['https://api.example.com'] }, /"origin"/],
  ])('%s', (_what, options, message) => {
    expect(withOption(options)).toThrow(message)
  })

  it('no options at all', () => {
    expect(() => createClient(undefined as never)).toThrow(/tokenUrl/)
  })
})

describe('an option that is right', () => {
  it.each<[string, object]>([
    ['a URL object', { tokenUrl: new URL('https://api.example.com/tokens') }],
    ['localhost', { tokenUrl: 'http://localhost:3000/tokens', origins: ['http://localhost:3000'] }],
    ['[::1]', { origins: ['http://[::1]:3000', 'http://127.0.0.1'] }],
    ['an origin with a slash', { origins: ['https://api.example.com/'] }],
    ['a secondary secret that is not set', { secrets: ['a', undefined] }],
    ['a secondary secret that is empty', { secrets: ['a', ''] }],
    ['white space around a secret', { secrets: [' a\n'] }],
    ['options that are undefined', { scope: undefined, fetch: undefined, onFailover: undefined }],
  ])('%s', (_what, options) => {
    withOption(options)().close()
  })
})

describe('in a browser', () => {
  const asBrowser = <T>(userAgent: string, call: () => T): T => {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent }, configurable: true })
    try {
      return call()
    } finally {
      if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator')
      else Object.defineProperty(globalThis, 'navigator', before)
    }
  }

  it('the client does not run without allowBrowser', () => {
    const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'
    expect(() => asBrowser(chrome, withOption({}))).toThrow(/browser/)
    expect(() => asBrowser(chrome, withOption({ allowBrowser: false }))).toThrow(/browser/)
    asBrowser(chrome, withOption({ allowBrowser: true })).close()
  })

  it.each(['Node.js/22', 'Deno/2.9.5', 'Bun/1.4.5', 'Cloudflare-Workers'])(
    '%s is none',
    (userAgent) => asBrowser(userAgent, withOption({})).close(),
  )
})
