export function bundlePane(): Promise<{ readonly js: string; readonly css: string }>
