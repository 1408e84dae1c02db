// Starts the demo, even on a fresh clone.
import { prepare } from '../../test/prepare.mjs'

const launcher = process.ppid
prepare()
// Imported after prepare(), which installs it. Without a tsconfig and its `paths`, the demo imports
// the built package by its public names.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
const { runDemo } = await import('./main.ts')
process.exit(await runDemo(launcher))
