import type { PaneStrings } from '../strings.ts'

/** How the server configures the page. */
export interface PaneConfig {
  readonly title: string
  /** Replacements for texts of the page. */
  readonly strings: Partial<PaneStrings>
  /** A secret counts as idle after this many seconds without use. */
  readonly idleAfterSeconds: number
  /** The request that tests a new secret. A null URL stands for the origin of the page. */
  readonly test: { readonly url: string | null; readonly header: string; readonly value: string }
}

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
