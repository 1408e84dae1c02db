import { createKey, guard, stores } from './keys'

test('a key is created and verified', async () => {
  expect(await createKey()).toBe(true)
  expect(typeof guard).toBe('function')
  expect(stores).toHaveLength(1)
})
