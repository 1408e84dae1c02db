import type { Assets } from './assets.ts'
import type { PaneSettings } from './pane-options.ts'

/** The headers of the page, besides its Content-Type. */
export function shellHeaders(frameAncestors: readonly string[]): Readonly<Record<string, string>> {
  const ancestors = frameAncestors.length === 0 ? "'none'" : frameAncestors.join(' ')
  return {
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors ${ancestors}; require-trusted-types-for 'script'`,
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}

/** Writes the HTML document that loads the page. All its URLs are relative to itself. */
export function shellHtml({ script, style }: Assets, settings: PaneSettings): string {
  const { title, lang, strings, idleAfterSeconds, test, noScript } = settings
  const config = JSON.stringify({ title, strings, idleAfterSeconds, test })
  return `<!doctype html>
<html lang="${escaped(lang)}">
<head>
<meta charset="utf-8">
<title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="twinkey" content="${escaped(config)}">
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="./${style.name}" integrity="${style.integrity}">
<script type="module" src="./${script.name}" integrity="${script.integrity}"></script>
</head>
<body>
<div id="pane"></div>
<noscript>${escaped(noScript)}</noscript>
</body>
</html>
`
}

// Two rails joined at the left: the two secrets of a key.
const ICON = `data:image/svg+xml,${[
  "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='%236464dc' stroke-width='2' stroke-linecap='round'%3E",
  "%3Cpath d='M14 4.5H7C4 4.5 4 8 1.5 8C4 8 4 11.5 7 11.5H14'/%3E%3C/svg%3E",
].join('')}`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] as string)
}
