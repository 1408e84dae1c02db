import type { Layer } from './router.ts'

/** A mount on the way to a route: its path as the application wrote it, and the text it matched. */
interface Step {
  readonly template: string
  readonly taken: string
}

type Paths = readonly (readonly [text: string, match: (path: string) => string | undefined])[]

/** Matches a mount against the base URL. Undefined if the path of the mount is not known. */
export function stepOf(layer: Layer, rest: string): Step | 'none' | undefined {
  if (layer.slash || layer.regexp?.fast_slash) return { template: '', taken: '' }
  const paths = layer.regexp === undefined ? pathsIn5(layer) : pathsIn4(layer, layer.regexp)
  if (paths === undefined) return undefined
  // A mount that matches nothing still sees the slash of the next path segment.
  const seen = rest === '' ? ['', '/'] : [rest]
  // In the order in which Express tries them.
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

// Express 4 keeps no text, so this derives it from the compiled path. The text counts only if
// Express compiles it to the same path again.
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
