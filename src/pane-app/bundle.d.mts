/** Bundles the page. Returns the texts of its script and its style sheet. Writes no file. */
export function bundlePane(): Promise<{ js: string; css: string }>
