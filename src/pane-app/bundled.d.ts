/** The script of the page. `plugins.mjs` makes this module at build time. */
export const js: string
/** The style sheet of the page. */
export const css: string
