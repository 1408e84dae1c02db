// The results, as data and as text.
import { availableParallelism, cpus, totalmem } from 'node:os'
import { summary } from './rounds.mjs'
import { verdictsOn } from './verdicts.mjs'

const NOTES = [
  'Each ratio compares two sides that alternate in one run, with the median [minimum, maximum] of the rounds.',
  'core, tokens, growth, import: processor time of the whole process. import: from before the first import to after the last.',
  "http: `ratio` and `ratioToTwinkey` are of requests per second of the server's processor time, `value` and `throughput` of requests per second by the clock.",
  'keypal, another library for API keys, is not in the registry, so it is not here.',
]

/** All results as one object. */
export function reportOf(rows, { parts, quick }) {
  return {
    date: new Date().toISOString(),
    quick,
    parts,
    machine: {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      processor: cpus()[0]?.model.trim(),
      processors: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    notes: NOTES,
    rows: rows.map(({ values, ratios, throughput, overOurs, ...row }) => ({
      ...row,
      rounds: values.length,
      value: rounded(summary(values)),
      ...(ratios === undefined ? {} : { ratio: rounded(summary(ratios)) }),
      ...(throughput === undefined ? {} : { throughput: rounded(summary(throughput)) }),
      ...(overOurs === undefined ? {} : { ratioToTwinkey: rounded(summary(overOurs)) }),
    })),
    verdicts: verdictsOn(rows).map(({ median, min, max, ...verdict }) => ({
      ...verdict,
      ...rounded({ median, min, max }),
    })),
  }
}

/** All results as text. */
export function tableOf({ date, machine, quick, notes, rows, verdicts }) {
  const lines = [
    '',
    `${date}, Node ${machine.node}, ${machine.processors} x ${machine.processor}${quick ? ', quick and rough' : ''}`,
  ]
  for (const [heading, members] of groupsOf(rows)) {
    lines.push('', heading)
    for (const { name, ratio, value, unit, note } of members) {
      const cells = [
        name.padEnd(50),
        (ratio === undefined ? '' : shown(ratio)).padStart(26),
        `${grouped(value.median).padStart(14)} ${unit}`,
      ]
      lines.push(`  ${cells.join(' ')}${note === undefined ? '' : `  (${note})`}`)
    }
  }
  if (verdicts.length > 0) lines.push('', 'Goals')
  for (const { what, target, ok, ...measured } of verdicts) {
    lines.push(
      `  ${ok === null ? '-  ' : ok ? 'ok ' : 'NO '} ${what.padEnd(64)} ${shown(measured).padStart(26)}  ${target}`,
    )
  }
  return `${[...lines, '', ...notes, ''].join('\n')}\n`
}

function groupsOf(rows) {
  const groups = new Map()
  for (const row of rows) {
    const of = rows.filter(({ part, group }) => part === row.part && group === row.group)
    const over = of.find((each) => each.over !== undefined)?.over
    groups.set(`${row.part}: ${row.group}${over === undefined ? '' : `, over ${over}`}`, of)
  }
  return groups
}

function shown({ median, min, max }) {
  return `${grouped(median)} [${grouped(min)}, ${grouped(max)}]`
}

function grouped(number) {
  return number.toLocaleString('en', { maximumFractionDigits: number < 100 ? 3 : 0 })
}

function rounded(measured) {
  return Object.fromEntries(
    Object.entries(measured).map(([name, value]) => [name, Number(value.toPrecision(5))]),
  )
}
