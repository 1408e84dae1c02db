import type { PaneConfig } from './model.ts'

const DEFAULTS: PaneConfig = {
  title: '',
  strings: {},
  idleAfterSeconds: 86_400,
  test: { url: null, header: 'Authorization', value: 'Bearer {secret}' },
}

/** Reads the configuration from the page. */
export function readConfig(document: Document): PaneConfig {
  const content = document.querySelector<HTMLMetaElement>('meta[name="twinkey"]')?.content
  return { ...DEFAULTS, ...JSON.parse(content || '{}') }
}
