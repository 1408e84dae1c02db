// Runs a bundle in the VM of edge-runtime, which has web standards and nothing of Node.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [, , vm, file] = process.argv
const { EdgeVM } = createRequire(import.meta.url)(vm)
const edge = new EdgeVM()
for (const name of ['process', 'Buffer', 'require', 'module'])
  if (edge.evaluate(`typeof ${name}`) !== 'undefined')
    throw new Error(`${name} is there, so this proves nothing`)
// In a function, so that no name of the bundle becomes a global one.
edge.evaluate(`(() => {\n${readFileSync(file, 'utf8')}\n})()`)
console.log(await edge.evaluate('report()'))
