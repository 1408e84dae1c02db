import ts from 'typescript'
import { afterAll, expect, test } from 'vitest'
import { blocksOf, blockWith, createGuideRunner } from '../support/guide.ts'

const runner = createGuideRunner()
afterAll(() => {
  runner.stop()
  runner.remove()
})

const LISTENING = "console.log('Listening on http://localhost:' + process.env['PORT'])"
// The program of the guide, with a key.
const PROGRAM = `import { TWINKEY } from 'twinkey/nest'
${blockWith('nestjs', "@Get('tenants/:tenant/customers')").replace(
  'await app.listen(3000)',
  `await app.listen(Number(process.env['PORT']))
  const { primary } = await app.get(TWINKEY).keys.create({
    name: 'guide',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  console.log('secret', primary)
  ${LISTENING}`,
)}`

// nestjs.interop.test.ts runs the program for production.
test('the program of the NestJS guide guards its routes', async () => {
  const { url, printed } = await runner.run(PROGRAM)
  const secret = /secret (\S+)/.exec(printed())?.[1]
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers })
    return [answer.status, await answer.json()]
  }
  const key = { authorization: `Bearer ${secret}` }
  expect(await ask('/customers/7', key)).toEqual([200, { id: '7', tenant: 't1' }])
  expect(await ask('/tenants/t1/customers', key)).toEqual([200, { tenant: 't1' }])
  expect(await ask('/tenants/t2/customers', key)).toMatchObject([403, { code: 'tenant_denied' }])
  expect(await ask('/customers/7')).toMatchObject([401, { code: 'credential_missing' }])
  expect(await ask('/health')).toEqual([200, { ok: true }])
})

test.each(['nestjs', 'nestjs-sockets'])(
  'the programs of docs/%s.md have no top-level await, so they compile to CommonJS',
  (guide) => {
    for (const block of blocksOf(guide, 'ts')) expect(awaitsOutside(block)).toEqual([])
    expect(awaitsOutside('export {}\nawait 1')).toEqual([2])
  },
)

// The lines of an await outside of functions.
function awaitsOutside(block: string): number[] {
  const source = ts.createSourceFile('block.ts', block, ts.ScriptTarget.Latest, true)
  const lines: number[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    if (ts.isAwaitExpression(node))
      lines.push(source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return lines
}
