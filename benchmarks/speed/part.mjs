// Measures one part, in a child process of run.mjs.
import { PARTS } from './parts.mjs'

// Ends with its parent.
process.on('disconnect', () => process.exit())

const [name, settings] = process.argv.slice(2)
const { measure } = await import(PARTS[name].file)
const rows = await measure(JSON.parse(settings), (progress) => process.send({ progress }))
process.send({ rows }, () => process.disconnect())
