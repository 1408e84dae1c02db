/** Writes lines, in colour on a terminal unless NO_COLOR is set. */
export interface Printer {
  line(text?: string): void
  title(text: string): string
  good(text: string): string
  bad(text: string): string
  dim(text: string): string
}

export function createPrinter(stream: NodeJS.WriteStream): Printer {
  const colours = stream.isTTY && process.env['NO_COLOR'] === undefined
  const paint = (code: number) => (text: string) =>
    colours ? `\u001b[${code}m${text}\u001b[0m` : text
  return {
    line: (text = '') => void stream.write(`${text}\n`),
    title: paint(1),
    good: paint(32),
    bad: paint(31),
    dim: paint(2),
  }
}
