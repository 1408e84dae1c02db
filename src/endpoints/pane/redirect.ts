/**
 * Returns where the page is for a request whose URL lacks the slash at the end, or undefined if the
 * URL has it. Without the slash, the relative URLs of the page lead to the wrong folder.
 *
 * The location begins with `./`, so that it holds below any prefix that a proxy removes, and leads
 * to no other host.
 *
 * @param url The request target, with the path of the mount point.
 */
export function locationWithSlash(url: string): string | undefined {
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/#.*$/s, '')
  const [path = ''] = target.split('?', 1)
  if (path === '' || path.endsWith('/')) return undefined
  const segment = path.slice(path.lastIndexOf('/') + 1)
  return `./${printable(segment)}/${printable(target.slice(path.length))}`
}

// A browser reads a backslash as a slash. A header cannot hold the other characters.
function printable(text: string): string {
  return text.replace(/[^!-[\]-~]/g, (character) => encodeURIComponent(character))
}
