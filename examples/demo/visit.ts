import { bearer, type Call, curlOf } from './call.ts'
import type { Printer } from './printer.ts'
import { aboutSample, SAMPLE_NAMES, type SampleKeys } from './sample-keys.ts'

/** Says what is there to be tried, now that the tour is over. */
export function printVisit(url: string, samples: SampleKeys, { line, title, dim }: Printer): void {
  const { primary, secondary } = samples.standard
  const calls: Call[] = [
    { path: '/customers/c1', headers: bearer(primary) },
    { path: '/customers', headers: { 'X-API-Key': secondary }, body: { name: 'Joan Clarke' } },
    { method: 'POST', path: '/tokens', headers: bearer(primary) },
  ]
  line(`\n${title('== Your turn')}`)
  line('\nThese keys are there:')
  for (const name of SAMPLE_NAMES) {
    const sample = samples[name]
    line(`   ${title(name.padEnd(10))}${dim(`tenant ${sample.tenant}; ${aboutSample(name)}`)}`)
    line(`   ${' '.repeat(10)}primary   ${sample.primary}`)
    line(`   ${' '.repeat(10)}secondary ${sample.secondary}`)
  }
  line('\nPaste one of these:')
  for (const call of calls) line(`   ${curlOf(url, call)}`)
  line(`\n${url}/ lists the routes. The server stays up until you press Ctrl+C.`)
}
