import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readGuide } from '../support/guide.ts'

test.each(['nginx.conf', 'Caddyfile', 'server.ts'])(
  'docs/gateway.md shows %s as it is in the tested example',
  (name) => {
    const text = readFileSync(new URL(`../../examples/gateway/${name}`, import.meta.url), 'utf8')
    expect(readGuide('gateway')).toContain(`\n${text.trimEnd()}\n\`\`\``)
  },
)
