/** The texts of the page. `{name}` stands for a value. */
export const STRINGS = {
  no_script: 'This page needs JavaScript.',
  nothing: 'No keys yet',
} as const satisfies Record<string, string>

/** The texts of the page, by name. */
export type PaneStrings = Readonly<Record<keyof typeof STRINGS, string>>
