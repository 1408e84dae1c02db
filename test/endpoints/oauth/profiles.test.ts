import { type Profile, tokenEndpoints } from 'twinkey'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { mount } from 'twinkey/web'
import { describe, expect, test } from 'vitest'
import { createBench } from '../../support/bench.ts'

const SCOPE = { tenants: ['1'], workflows: ['read'] }
const ACCOUNT = { userId: 1, userEmail: 'a@example.com', organizationId: 1, tenantId: 1 }

const PROFILES: readonly (readonly [Profile, (secret: string) => Record<string, string>])[] = [
  [flare({ account: () => ACCOUNT }), (secret) => ({ authorization: secret })],
  [boomiFlow(), (secret) => ({ 'x-boomi-flow-api-key': secret, manywhotenant: '1' })],
  [flowgear(), (secret) => ({ authorization: `Key=${secret}` })],
  [standard(), (secret) => ({ authorization: `Bearer ${secret}` })],
]

describe.each(PROFILES)('the exchange of $name', (profile, credentialOf) => {
  async function createScene() {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const handle = mount(tokenEndpoints(twinkey, { profile }), '/tokens')
    const path = profile.exchangePath === '/' ? '' : profile.exchangePath
    const send = async (headers: Record<string, string>, body: Record<string, string>) => {
      const request = new Request(`https://api.example/tokens${path}`, {
        method: 'POST',
        headers,
        body: new URLSearchParams(body),
      })
      return (await handle(request))?.status
    }
    return { send, key, primary }
  }

  test('refuses another grant beside a valid secret', async () => {
    const { send, primary } = await createScene()
    const credential = credentialOf(primary)
    expect(await send(credential, {})).toBe(200)
    for (const grant of ['password', 'refresh_token', 'authorization_code', 'x'])
      expect([400, 404]).toContain(await send(credential, { grant_type: grant }))
    expect(await send(credential, { grant_type: 'client_credentials' })).toBe(200)
  })

  test('takes client credentials in the standard profile only', async () => {
    const { send, key, primary } = await createScene()
    const basic = `Basic ${Buffer.from(`${key.id}:${primary}`).toString('base64')}`
    const client = { client_id: key.id, client_secret: primary }
    const grant = { grant_type: 'client_credentials' }
    const isStandard = profile.name === 'standard'
    expect((await send({ authorization: basic }, grant)) === 200).toBe(isStandard)
    expect((await send({}, { ...grant, ...client })) === 200).toBe(isStandard)
  })
})
