const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The text of a time that has just passed. */
const NOW = 'now'

/** Writes times for people, in one language. Times are epoch milliseconds. */
export interface Format {
  /** How long ago, or in how long: "4 min. ago". `now` for less than a minute ago. */
  relative(at: number, now: number): string
  /** The day: "19 Feb 2027". */
  day(at: number): string
  /** The day and the time of day. */
  exact(at: number): string
  /** A number with the separators of the language: "1,000". */
  number(value: number): string
  /** A length of time in its largest whole unit: "90 days". */
  duration(seconds: number): string
  /** A list of names: "a, b and c". */
  names(names: readonly string[]): string
}

function largestUnit(distance: number): [number, Intl.RelativeTimeFormatUnit] {
  if (distance < HOUR) return [MINUTE, 'minute']
  if (distance < 2 * DAY) return [HOUR, 'hour']
  return [DAY, 'day']
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** Creates the formats of a language. */
export function createFormat(language: string, timeZone?: string): Format {
  const zone = timeZone === undefined ? {} : { timeZone }
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'short' })
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium', ...zone })
  const exact = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'long',
    ...zone,
  })
  const number = new Intl.NumberFormat(language)
  const list = new Intl.ListFormat(language, { type: 'conjunction' })
  return {
    relative(at, now) {
      const distance = at - now
      if (distance <= 0 && distance > -MINUTE) return NOW
      const [unit, name] = largestUnit(Math.abs(distance))
      // "4 minutes ago" means at least that; "in 90 days" is rounded.
      const round = distance < 0 ? Math.floor : Math.round
      const count = Math.max(1, round(Math.abs(distance) / unit))
      // English abbreviations end with a full stop, which would look like the end of a sentence.
      return relative.format(distance < 0 ? -count : count, name).replace(/\.(?= |$)/, '')
    },
    day: (at) => day.format(at),
    exact: (at) => exact.format(at),
    number: (value) => number.format(value),
    duration(seconds) {
      const [unit, length] = UNITS.find(([, each]) => seconds % each === 0) ?? ['second', 1]
      const options = { style: 'unit', unit, unitDisplay: 'long' } as const
      return new Intl.NumberFormat(language, options).format(seconds / length)
    },
    names: (names) => list.format(names),
  }
}
