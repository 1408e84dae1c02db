import { expect, it } from 'vitest'
import { createScene } from './forge-scene.ts'
import { issued } from './forge-token.ts'

// The counterpart of the hostile names: every name that a key may have must pass.
it('a token may contain every name that its key may have', async () => {
  const { twinkey, verifier, close } = await createScene('ES256')
  for (const owner of [
    'o'.repeat(128),
    '\u{1f511} "Ada" \\ <b>',
    "' OR '1'='1",
    '*',
    '\u0434\u0430',
  ]) {
    const scope = { tenants: ['\u{1f511} "x"\\'], workflows: ['a b', '%', 'w'.repeat(128)] }
    const { primary } = await twinkey.keys.create({ name: 'n', owner, scope })
    const token = await issued(twinkey, primary)
    expect(await twinkey.tokens.verify(token)).toMatchObject({ ok: true, key: { owner } })
    expect(await verifier.verify(token)).toMatchObject({ ok: true, principal: { owner, scope } })
  }
  await close()
})
