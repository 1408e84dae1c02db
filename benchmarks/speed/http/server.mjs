// A server with one side in front of its handler. A child process of http.mjs: it tells its port
// and what callers send, and when asked, how long it has had the processor.
import { sidesOf } from './sides.mjs'

const [framework, name, counts] = process.argv.slice(2)
const host = await import(`./${framework}.mjs`)
const { install, credentials } = await (await sidesOf(framework))[name].open(
  host,
  JSON.parse(counts),
)
const port = await host.serve(install)

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ microseconds: user + system })
})
process.on('disconnect', () => process.exit())
process.send({ port, credentials })
