const FULL = 2

/** Lists the settings of a file that break a guarantee of the store, each with its remedy. */
export async function inspectSettings(
  rows: (pragma: string) => Promise<unknown[][]>,
): Promise<string[]> {
  const [[journal], [synchronous], databases] = [
    await rows('journal_mode'),
    await rows('synchronous'),
    await rows('database_list'),
  ]
  const isFile = databases.some(([, name, file]) => name === 'main' && file !== '' && file !== null)
  return isFile ? problemsOf(String(journal?.[0]), Number(synchronous?.[0])) : []
}

function problemsOf(journal: string, synchronous: number): string[] {
  const problems: string[] = []
  if (journal === 'off' || journal === 'memory')
    problems.push(
      `SQLite runs with journal_mode = ${journal}: a crash can destroy the file. Leave it at wal.`,
    )
  if (synchronous < FULL)
    problems.push(
      `SQLite runs with synchronous = ${synchronous}: a power cut can lose the last writes and make a revoked key active again. Leave it at full (${FULL}).`,
    )
  return problems
}
