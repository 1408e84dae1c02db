import type { Layer } from './router.ts'

/**
 * What a mount has taken from the URL: its path as the application wrote it, and the text that
 * stands for it.
 */
interface Step {
  readonly template: string
  readonly taken: string
}

type Paths = readonly (readonly [text: string, match: (path: string) => string | undefined])[]

/**
 * What a mount takes from the base URL; `'none'` where it does not match, undefined where its path
 * is not known.
 */
export function stepOf(layer: Layer, rest: string): Step | 'none' | undefined {
  if (layer.slash || layer.regexp?.fast_slash) return { template: '', taken: '' }
  const paths = layer.regexp === undefined ? pathsIn5(layer) : pathsIn4(layer, layer.regexp)
  if (paths === undefined) return undefined
  // A mount that takes nothing sees the slash of what comes next.
  const seen = rest === '' ? ['', '/'] : [rest]
  // In order, as Express tries them.
  for (const [text, match] of paths) {
    const matched = seen
      .map(match)
      .find((each) => each !== undefined && rest.startsWith(withoutSlash(each)))
    if (matched !== undefined) return { template: withoutSlash(text), taken: withoutSlash(matched) }
  }
  return 'none'
}

function pathsIn5({ rawPath, matchers = [] }: Layer): Paths | undefined {
  const texts: readonly unknown[] = [rawPath].flat()
  if (!texts.every((text) => typeof text === 'string')) return undefined
  return texts.map((text, i) => [text, (path) => (matchers[i]?.(path) || undefined)?.path])
}

const END = '\\/?(?=\\/|$)'

// Express 4 keeps no text. The text is read from the compiled path, and believed only where Express
// compiles it to the same again.
function pathsIn4(layer: Layer, regexp: RegExp): Paths | undefined {
  const { keys = [], handle } = layer
  let key = 0
  const texts = regexp.source
    .slice(1)
    .split('|^')
    .map((part) =>
      (part.endsWith(END) ? part.slice(0, -END.length) : part)
        .replace(/\(\?:\\\/\(\[\^\\?\/\]\+\?\)\)/g, () => `/:${keys[key++]?.name}`)
        .replace(/\\([/.])/g, '$1'),
    )
  if (texts.some((text) => text.includes('('))) return undefined
  const Compile = layer.constructor as new (
    path: string | string[],
    options: object,
    handle: Layer['handle'],
  ) => Layer
  const compile = (path: string | string[]) =>
    new Compile(path, { sensitive: !regexp.ignoreCase, strict: false, end: false }, handle)
  const again = compile(texts.length === 1 ? (texts[0] as string) : texts)
  const isSame =
    again.regexp?.source === regexp.source &&
    again.regexp.flags === regexp.flags &&
    again.keys?.length === keys.length &&
    again.keys.every(({ name }, i) => name === keys[i]?.name)
  if (!isSame) return undefined
  return texts.map((text) => {
    const { regexp: alone } = compile(text)
    return [text, (path) => alone?.exec(path)?.[0]]
  })
}

function withoutSlash(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}
