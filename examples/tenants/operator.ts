// Creates the key of an operator and prints its secret:
// node examples/start.mjs tenants/operator
import { close, twinkey } from './twinkey.ts'

const { primary } = await twinkey.keys.create({
  name: 'Operator',
  scope: { tenants: ['operators'], workflows: ['keys.manage'] },
  secondary: false,
  actor: 'command line',
})
console.log(primary)
await close()
