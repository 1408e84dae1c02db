import { expect, test } from 'vitest'
import { boomiFlowRoutes, createBoomiFlowFixture } from './boomi-flow-fixture.ts'
import { boomiFlowTable } from './boomi-flow-table.ts'
import { runTable } from './wire-suite.ts'

runTable('the Boomi Flow profile', boomiFlowTable, createBoomiFlowFixture, () => ({
  routes: boomiFlowRoutes,
  tokens: {},
}))

test('Boomi Flow: other and unknown tenants get the same bytes', () => {
  const answerTo = (name: string) =>
    boomiFlowTable.find((row) => row.name === `Boomi Flow: ${name}`)?.expected
  expect(answerTo('another tenant')).toBeDefined()
  expect(answerTo('an unknown tenant')).toEqual(answerTo('another tenant'))
})

test('Boomi Flow: a key that is listed shows a hint and no secret', async () => {
  const { twinkey, secrets } = await createBoomiFlowFixture()
  const { keys } = await twinkey.keys.list({ owner: 'ada', limit: 100 })
  expect(keys.map(({ name }) => name)).toContain('API Key')
  for (const secret of [secrets.primary, secrets.imported]) {
    expect(JSON.stringify(keys)).toContain(JSON.stringify(secret.slice(-4)))
    expect(JSON.stringify(keys)).not.toContain(secret.slice(-20, -4))
  }
})
