import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundlePane } from '../../src/pane-app/bundle.mjs'

it('script and styles together are at most 40 KB of gzip', async () => {
  const { js, css } = await bundlePane()
  expect(js).toContain('alertdialog')
  expect(css).toContain('--tk-accent')
  expect(gzipSync(js).length + gzipSync(css).length).toBeLessThan(40 * 1024)
})
