// Starts the demo, on a fresh clone too.
import { prepare } from '../../test/prepare.mjs'

const launcher = process.ppid
prepare()
// Imported only now: before, it may not have been installed. Without a tsconfig its `paths` do not
// count, so the demo runs the built package, by the names that a user would import.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
const { runDemo } = await import('./main.ts')
process.exit(await runDemo(launcher))
