import { type PaneStrings, STRINGS } from '../strings.ts'

/** The name of a text. */
export type TextKey = keyof typeof STRINGS

type Values = Readonly<Record<string, string | number>>

type Category = 'zero' | 'one' | 'two' | 'few' | 'many' | 'other'

/** The names of texts that depend on a count: each has the forms `_one` and `_other` at least. */
type Counted = { [K in TextKey]: K extends `${infer Base}_other` ? Base : never }[TextKey]

/** Looks up texts. Placeholders look like `{name}`. */
export interface Text {
  t(key: TextKey, values?: Values): string
  /** As `t`, for values that are elements. */
  rich<T>(key: TextKey, values: Readonly<Record<string, T>>): (string | T | undefined)[]
  /** The form of a text for a count, as the language needs it. */
  count(key: Counted, count: number, values?: Values): string
  /** The text of a failure, or undefined if there is none for its code. */
  find(key: string): string | undefined
}

const fill = (template: string, values: Values) =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))

/** Creates the texts of the page. */
export function createText(replaced: Partial<PaneStrings>, language: string): Text {
  const texts: Readonly<Record<string, string | undefined>> = { ...STRINGS, ...replaced }
  const plural = new Intl.PluralRules(language)
  const t: Text['t'] = (key, values = {}) => fill(texts[key] ?? key, values)
  return {
    t,
    rich(key, values) {
      const pieces = (texts[key] ?? key).split(/\{(\w+)\}/)
      return pieces.map((piece, index) => (index % 2 === 0 ? piece : values[piece]))
    },
    count(key, count, values) {
      const category: Category = plural.select(count)
      const template = texts[`${key}_${category}`] ?? texts[`${key}_other`] ?? key
      return fill(template, { count, ...values })
    },
    find: (key) => texts[key],
  }
}
