import { createTwinkey } from 'twinkey'
import { type PaneOptions, paneEndpoints } from 'twinkey/pane'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'
import { createPane } from './pane-fixture.ts'

async function shellOf(options: Partial<PaneOptions>): Promise<string> {
  const [shell] = createPane(options).routes
  const request = { method: 'GET', url: '/', header: () => undefined, param: () => undefined }
  return (await shell?.handle(request, async () => ({ bytes: new Uint8Array() })))?.body ?? ''
}

async function configOf(options: Partial<PaneOptions>) {
  const [, config = ''] = /name="twinkey" content="([^"]*)"/.exec(await shellOf(options)) ?? []
  return JSON.parse(config.replaceAll('&quot;', '"').replaceAll('&amp;', '&'))
}

describe('the options of the pane', () => {
  test('reach the page', async () => {
    const options: Partial<PaneOptions> = {
      title: 'Access',
      strings: { no_script: 'Bitte JavaScript einschalten.' },
      idleAfterSeconds: 3600,
      testUrl: 'https://api.example.com/me?a=1&b=2',
    }
    expect(await configOf(options)).toEqual({
      title: 'Access',
      strings: { no_script: 'Bitte JavaScript einschalten.' },
      idleAfterSeconds: 3600,
      test: {
        url: 'https://api.example.com/me?a=1&b=2',
        header: 'Authorization',
        value: 'Bearer {secret}',
      },
    })
    expect(await shellOf(options)).toContain('<noscript>Bitte JavaScript einschalten.</noscript>')
  })

  test.each([
    ['standard', standard(), 'Authorization', 'Bearer {secret}'],
    ['Boomi Flow', boomiFlow(), 'x-boomi-flow-api-key', '{secret}'],
    ['Flare', flare({ account: () => undefined as never }), 'Authorization', 'Bearer {secret}'],
    ['Flowgear', flowgear(), 'Authorization', 'Key={secret}'],
  ])('take the header of a secret from the profile: %s', async (_name, profile, header, value) => {
    const { test } = await configOf({ profile })
    expect({ ...test, header: test.header.toLowerCase() }).toEqual({
      url: null,
      header: header.toLowerCase(),
      value,
    })
  })

  test.each([
    [{ title: '' }, 'title must be a text of 1 to 100 characters'],
    [{ title: 'a'.repeat(101) }, 'title must be a text of 1 to 100 characters'],
    [{ accent: 'blue' }, "accent must be a color with six digits, like '#4f46e5'."],
    [{ accent: '#fff' }, "accent must be a color with six digits, like '#4f46e5'."],
    [{ lang: 'English_' }, 'lang must be a BCP 47 language tag'],
    [{ lang: '' }, 'lang must be a BCP 47 language tag'],
    [{ strings: { nothingOfTheKind: 'a' } }, 'nothingOfTheKind'],
    [{ strings: { no_script: 1 } }, 'strings: no_script must be a text.'],
    [{ idleAfterSeconds: 59 }, 'idleAfterSeconds must be from 60 to 31536000.'],
    [{ idleAfterSeconds: '60' }, 'idleAfterSeconds must be a whole number.'],
    [{ testUrl: '/me' }, 'testUrl must be an absolute URL'],
    [{ testUrl: 'javascript:alert(1)' }, 'testUrl must be an absolute URL'],
    [{ testUrl: "https://a.example/'; rm" }, 'testUrl must be an absolute URL'],
    [{ frameAncestors: '*' }, 'frameAncestors must be a list of origins'],
    [{ frameAncestors: ['*'] }, 'frameAncestors must be a list of origins'],
    [{ frameAncestors: ['https://a.example/'] }, 'frameAncestors must be a list of origins'],
    [{ frameAncestors: ['https://a.example; script-src *'] }, 'frameAncestors must be a list'],
    [{ profile: { securitySchemes: {} } }, 'profile must name a header that carries a secret'],
    [
      { profile: { ...standard(), secretHeader: { name: 'X-Key', value: 'none' } } },
      'profile must name a header that carries a secret',
    ],
    [{ colour: '#4f46e5' }, 'colour'],
  ])('%j is an error that says what to do', (options, message) => {
    expect(() => createPane(options as never)).toThrow(message)
  })

  test('need authorize', () => {
    expect(() => paneEndpoints(createTwinkey(), {} as never)).toThrow(/authorize/)
    expect(() => paneEndpoints(createTwinkey(), undefined as never)).toThrow(TypeError)
  })

  test('are refused if authorize returns something else', async () => {
    for (const other of [null, false, true, {}, { owner: 'owner-1' }, 'operator-1'])
      await expect(shellOf({ authorize: () => other as never })).rejects.toThrow(
        'authorize must return undefined, a Response, or the limits of a keyring',
      )
  })
})
