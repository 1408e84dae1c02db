import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Demo, startDemo } from '../clients/newman/demo-process.ts'
import { nodeWithSqlite } from '../support/other-node.ts'

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('twinkey-demo-'))

describe('the demo on a Node that has SQLite', () => {
  const before = folders()
  let demo: Demo
  let node: string

  beforeAll(() => {
    node = nodeWithSqlite()
  })
  afterAll(() => demo?.kill())

  it('keeps its keys there, and removes them when it ends', async () => {
    demo = startDemo(['--json'], {}, node)
    const { url, store, keys } = JSON.parse(await demo.lineWith('{'))
    expect(store).toBe('sqlite')
    const response = await fetch(`${url}/v1/customers/c1`, {
      headers: { authorization: `Bearer ${keys.standard.primary}` },
    })
    expect(response.status).toBe(200)
    expect(folders().length).toBe(before.length + 1)
    expect(await demo.end()).toBe(0)
    expect(folders()).toEqual(before)
  })

  it('completes the tour, in which no call of the rotations fails', async () => {
    demo = startDemo([], {}, node)
    await demo.lineWith('The server stays up')
    expect(demo.lines.join('\n').match(/\d+ calls, 0 failed/g)).toHaveLength(2)
    expect(await demo.end()).toBe(0)
  })
})
