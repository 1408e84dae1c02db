// A server with one side in front of its handler. A child process of http.mjs: it reports its port,
// the requests to send, and on demand its processor time.
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
