import { describe, expect, it } from 'vitest'
import { readAdoption } from '../../examples/demo/adoption.ts'
import { type DemoLine, startDemo, startJsonDemo } from '../clients/newman/demo-process.ts'

const STRONG = {
  FLARE_API_KEY: 'fw_1nZ7qX0bV5tL3sW8cR2yK6uJ9',
  FLOW_API_KEY: '+Zk/3mB0sT9xLw2yNf7hJcR5uAeDq8v/',
  FLOWGEAR_KEY:
    '-Qm7ZrT0bXk3VwL9sYc5NfH2gJd8PaE_uK1iM6oR4tBvWxSqDnGhCyFzUjIlOeAp0-1_2a3b4c5d6e7f8g9h0Z',
}

describe('the demo with keys of the environment', () => {
  it('shows them, and accepts them beside its own secrets', async () => {
    const demo = await startJsonDemo([], {
      ...STRONG,
      FLOW_TENANT_ID: '0d3c2f5e-8a4b-4c6d-9e7f-1a2b3c4d5e6f',
    })
    try {
      const { url, keys } = demo
      expect(keys.boomiFlow).toEqual({
        secret: STRONG.FLOW_API_KEY,
        tenant: '0d3c2f5e-8a4b-4c6d-9e7f-1a2b3c4d5e6f',
      })
      expect([keys.flare.secret, keys.flowgear.primary]).toEqual([
        STRONG.FLARE_API_KEY,
        STRONG.FLOWGEAR_KEY,
      ])
      const flow = { 'x-boomi-flow-api-key': keys.boomiFlow.secret }
      const requests: [string, RequestInit][] = [
        ['/api/draw/1/flow', { headers: { ...flow, manywhotenant: keys.boomiFlow.tenant } }],
        ['/api/draw/1/flow', { headers: flow }],
        ['/tokens/generate', { method: 'POST', headers: { authorization: STRONG.FLARE_API_KEY } }],
        ['/customers/123/', { headers: { authorization: `Key=${STRONG.FLOWGEAR_KEY}` } }],
        [`/customers/123/?auth-key=${STRONG.FLOWGEAR_KEY}`, {}],
        ['/customers/123/', { headers: { authorization: `Key=${keys.flowgear.secondary}` } }],
      ]
      for (const [path, init] of requests)
        expect([path, (await fetch(url + path, init)).status]).toEqual([path, 200])
      const other = await fetch(`${url}/api/draw/1/flow`, {
        headers: { ...flow, manywhotenant: 'b70ef1d6-edc9-4481-94b9-d81g126e32d1' },
      })
      expect(other.status).toBe(403)
    } finally {
      demo.kill()
    }
  })

  it('takes a tenant for a key of its own', async () => {
    const demo: DemoLine & { kill(): void } = await startJsonDemo([], { FLOW_TENANT_ID: 'example' })
    try {
      const { secret, tenant } = demo.keys.boomiFlow
      expect(tenant).toBe('example')
      const headers = { 'x-boomi-flow-api-key': secret, manywhotenant: tenant }
      expect((await fetch(`${demo.url}/api/admin/1/tenant`, { headers })).status).toBe(200)
    } finally {
      demo.kill()
    }
  })

  it('ends with 1 and says which variable is wrong', async () => {
    const demo = startDemo(['--json'], { FLOWGEAR_KEY: 'hunter2hunter2hunter2hunter2hunter2' })
    expect([await demo.ended, demo.lines]).toEqual([1, []])
    expect(demo.stderr()).toMatch(
      /^FLOWGEAR_KEY cannot be adopted: it is too weak: use at least 112 random bits.*\n$/,
    )
  })
})

describe('which keys the demo adopts', () => {
  const read = (env: Record<string, string>) => readAdoption(env, 'demo')

  it('strong ones, in any form that a header can hold', () => {
    for (const secret of [
      ...Object.values(STRONG),
      '3f9a1c77e0b2d4586a9c0e1f2b3d4c5e',
      '9c41d07be35a8f62b4e97d10c8a36f5291be04d7',
      '6f1d2c3b-4a59-4687-9786-a5b4c3d2e1f0',
    ])
      expect(read({ FLARE_API_KEY: secret }).secrets).toEqual({ flare: secret })
  })

  it('that of Flowgear in its usual form', () => {
    expect(STRONG.FLOWGEAR_KEY).toMatch(/^-[\w-]{85}$/)
    expect(STRONG.FLOW_API_KEY).toMatch(/^[\w+/]{32}$/)
  })

  it('none if the variables are empty', () => {
    expect(read({ FLARE_API_KEY: '', FLOW_TENANT_ID: '' })).toEqual({
      secrets: {},
      flowTenant: expect.stringMatching(/^b70ef1d6/),
    })
  })

  const { FLARE_API_KEY } = STRONG
  it.each([
    ['a short one', { FLARE_API_KEY: 'fw_short' }, 'is too weak'],
    ['a placeholder', { FLOWGEAR_KEY: 'your-auth-key' }, 'is too weak'],
    ['one character', { FLOW_API_KEY: 'a'.repeat(32) }, 'is too weak'],
    ['a repeated word', { FLOW_API_KEY: 'correct-horse-correct-horse-' }, 'is too weak'],
    ['a series', { FLOW_API_KEY: 'abcdefghijklmnopqrstuvwxyz012345' }, 'is too weak'],
    ['digits only', { FLOW_API_KEY: '83920174650298374615029384756102' }, 'is too weak'],
    [
      'one with a space',
      { FLOW_API_KEY: `${FLARE_API_KEY} x` },
      'must be visible ASCII characters',
    ],
    [
      'one with a line break',
      { FLOW_API_KEY: `${FLARE_API_KEY}\n` },
      'must be visible ASCII characters',
    ],
    [
      'one with a comma',
      { FLOW_API_KEY: `${FLARE_API_KEY},x` },
      'must be visible ASCII characters',
    ],
    [
      'one beyond ASCII',
      { FLOW_API_KEY: `${FLARE_API_KEY}\u00e9` },
      'must be visible ASCII characters',
    ],
    ['a long one', { FLOW_API_KEY: FLARE_API_KEY.repeat(10) }, 'must have at most 256 characters'],
    [
      'one like those of the demo',
      { FLOW_API_KEY: `demo_${FLARE_API_KEY}` },
      'must not begin with "demo_"',
    ],
    [
      'one twice',
      { FLOW_API_KEY: FLARE_API_KEY, FLARE_API_KEY },
      'must not be the same as FLARE_API_KEY',
    ],
    ['a tenant that is none', { FLOW_TENANT_ID: 'one, two' }, 'must be 1 to 128 visible ASCII'],
    [
      'a tenant of 129 characters',
      { FLOW_TENANT_ID: 't'.repeat(129) },
      'must be 1 to 128 visible ASCII',
    ],
  ])('not %s', (_name, env: Record<string, string>, words) => {
    const [variable = '', value = ''] = Object.entries(env)[0] ?? []
    const message = messageOf(() => read(env))
    expect(message).toContain(variable)
    expect(message).toContain(words)
    expect(message).not.toContain(value.trim())
  })
})

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('This was adopted.')
}
