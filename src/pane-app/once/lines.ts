import type { PaneConfig, Slot } from '../base/model.ts'

/** A new secret and its slot. */
export interface Shown {
  readonly slot: Slot
  readonly secret: string
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The header that carries a secret. */
export function headerLine({ header, value }: PaneConfig['test'], secret: string): string {
  return `${header}: ${value.replaceAll('{secret}', () => secret)}`
}

/** A command that tests a secret. */
export function curlLine(test: PaneConfig['test'], origin: string, secret: string): string {
  return `curl -H ${quoted(headerLine(test, secret))} ${quoted(test.url ?? `${origin}/`)}`
}

/** The lines for an `.env` file. The secret that callers are to use comes first. */
export function envLines(shown: readonly Shown[], name: string): string {
  return shown
    .map(({ secret }, index) => `${name}${index === 0 ? '' : '_SECONDARY'}=${secret}`)
    .join('\n')
}

/** The parts in which a secret is shown: prefix, key id in two halves, and the rest in groups of seven. */
export function groupsOf(secret: string): { prefix: string; groups: string[] } {
  const start = secret.length - 65
  if (start < 1) return { prefix: '', groups: secret.match(/.{1,8}/g) ?? [] }
  return {
    prefix: secret.slice(0, start),
    groups: [
      secret.slice(start, start + 8),
      secret.slice(start + 8, start + 16),
      ...(secret.slice(start + 16).match(/.{1,7}/g) ?? []),
    ],
  }
}
