import type { Random } from './fuzz-random.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ALPHABETS: readonly ((random: Random) => string)[] = [
  (random) => BASE62.charAt(random.below(62)),
  (random) => `${BASE62}-_.`.charAt(random.below(65)),
  (random) => String.fromCharCode(0x20 + random.below(0x5f)),
  (random) => String.fromCharCode(random.below(0x100)),
  (random) => String.fromCharCode(random.below(0x10000)),
  (random) => random.pick(ODD),
]

/**
 * Difficult input for parsers: controls, blanks of all kinds, delimiters, look-alikes, halves of
 * characters, and a character that becomes two when its case changes.
 */
export const ODD: readonly string[] = [
  ...'\0\t\n\v\f\r \x1f\x7f\x80\x85\xa0\u1680\u2000\u2028\u2029\u202e\u200b\u2060\ufeff\ufffd\uffff',
  ...',;:=&?#%+/\\\'"`<>(){}[]|^~*@!$._-',
  ...'ſKİıßﬀ０Ａａ＿．éΩ',
  '\ud800',
  '\udfff',
  '\u{1f600}',
  '%00',
  '%2c',
  '%0d%0a',
  '%',
  '%c0%af',
  '%ed%a0%80',
  '==',
  '__proto__',
  'null',
  '\r\n ',
]

/** A random text of any length up to a limit, rarely many times longer. */
export function randomText(random: Random, most = 100): string {
  const length = random.below(random.oneIn(500) ? most * 100 : most + 1)
  const character = random.pick(ALPHABETS)
  let text = ''
  while (text.length < length) text += character(random)
  return text
}

type Change = (text: string, random: Random, others: readonly string[]) => string

const CHANGES: readonly Change[] = [
  // One bit.
  (text, random) =>
    replaced(text, random, (code) => String.fromCharCode(code ^ (1 << random.below(8)))),
  (text, random) =>
    replaced(text, random, (code) => String.fromCharCode(code ^ (1 << random.below(16)))),
  // One character.
  (text, random) => replaced(text, random, () => BASE62.charAt(random.below(62))),
  (text, random) => replaced(text, random, () => random.pick(ODD)),
  (text, random) => replaced(text, random, (code) => toggled(String.fromCharCode(code))),
  // As wide as a CJK character: it looks the same, and is the same after normalisation.
  (text, random) =>
    replaced(text, random, (code) =>
      String.fromCharCode(code > 0x20 && code < 0x7f ? code + 0xfee0 : code),
    ),
  (text, random) =>
    replaced(text, random, (code) => `%${(code & 0xff).toString(16).padStart(2, '0')}`),
  // More or less of it.
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => text.slice(random.below(text.length + 1)),
  (text, random) => inserted(text, random, ''),
  (text, random) => inserted(text, random, random.pick(ODD)),
  (text, random) => random.pick(ODD) + text,
  (text, random) => text + random.pick(ODD),
  (text, random) => inserted(text, random, text.slice(0, random.below(text.length + 1))),
  (text, random) => inserted(text, random, random.pick(ODD).repeat(random.below(300))),
  // Its case.
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
  // Two of them.
  (text, random, others) =>
    text + random.pick(['', ',', ', ', ' ', '.', '\0', '\n', '&', ';']) + random.pick(others),
  (text, random, others) => spliced(text, random.pick(others), random),
  (text, random, others) => segments(text, random.pick(others), random),
  // The same place in both, so that positions match.
  (text, random, others) => {
    const at = random.below(text.length + 1)
    return text.slice(0, at) + random.pick(others).slice(at)
  },
]

/** A valid text that was changed in one to three ways, or rarely left as it is. */
export function changed(text: string, random: Random, others: readonly string[]): string {
  let result = text
  for (let left = random.oneIn(10) ? 0 : 1 + random.below(3); left > 0; left--)
    result = random.pick(CHANGES)(result, random, others)
  return result
}

/** Input similar to a caller's: mostly a valid text that was changed, otherwise a random text. */
export function anyText(random: Random, good: readonly string[]): string {
  return random.oneIn(5) ? randomText(random) : changed(random.pick(good), random, good)
}

function replaced(text: string, random: Random, by: (code: number) => string): string {
  if (text === '') return text
  const at = random.below(text.length)
  return text.slice(0, at) + by(text.charCodeAt(at)) + text.slice(at + 1)
}

// Removes a character if none is inserted.
function inserted(text: string, random: Random, what: string): string {
  const at = random.below(text.length + 1)
  return text.slice(0, at) + what + text.slice(what === '' ? at + 1 : at)
}

function spliced(text: string, other: string, random: Random): string {
  return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length + 1))
}

// A part between dots or the like from another text: the head of one token, the signature of the
// other.
function segments(text: string, other: string, random: Random): string {
  const mark = random.pick(['.', '_', '=', '&', ' ', ':'])
  const own = text.split(mark)
  const theirs = other.split(mark)
  own[random.below(own.length)] = random.pick(theirs)
  return own.join(mark)
}

function toggled(character: string): string {
  const lower = character.toLowerCase()
  return lower === character ? character.toUpperCase() : lower
}
