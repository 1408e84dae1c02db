import type { KeyStore, Twinkey } from 'twinkey'

/** Where one round of a race runs: nodes over one store whose calls interleave during the race. */
export interface Stage {
  readonly nodes: readonly [Twinkey, Twinkey]
  /**
   * Makes calls at the same time, and answers when all of them have ended and everything that they
   * have caused is done.
   */
  together(calls: readonly (() => Promise<void>)[]): Promise<void>
  /** Sometimes lets other calls go first. */
  pause(): Promise<void>
  /** A whole number from 0 to below `below`. */
  pick(below: number): number
  /** A name that no other round has. */
  readonly round: string
  /** Waits until the second node has received this many changes of that id. */
  told(id: string, changes: number): Promise<void>
}

/** Two or more calls at the same time, and what must hold in any order. */
export interface Race {
  readonly name: string
  /** Whether the nodes receive each other's changes. */
  readonly feed: boolean
  /**
   * Runs it once.
   *
   * @returns How it came out, of the ways in which it may.
   * @throws Anything, where it came out in a way in which it must not.
   */
  round(stage: Stage): Promise<string>
}

/** A part of a node that is broken on purpose. */
export interface Broken {
  readonly store?: (inner: KeyStore) => KeyStore
  readonly twinkey?: (sound: Twinkey) => Twinkey
}

/** The result of many rounds. */
export interface Tally {
  readonly race: string
  readonly rounds: number
  /** How often each outcome occurred. */
  readonly outcomes: Readonly<Record<string, number>>
  /** How many rounds had a forbidden outcome. */
  readonly wrong: number
  /** The first of them, with what reproduces it. */
  readonly first?: string
}

/** What a node is made with, whatever its store. */
export const NODE_OPTIONS = {
  environments: ['production'],
  importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 64 }],
} as const

/** How many rounds to run. */
export interface Rounds {
  readonly rounds: number
  readonly seed: number
  readonly broken?: Broken | undefined
  /** Whether to end at the first round with a forbidden outcome. */
  readonly untilWrong?: boolean
}

/** Runs rounds of a race, this many at a time, and counts the outcomes. */
export async function run(
  race: Race,
  { rounds, untilWrong = false }: Rounds,
  stageOf: (round: number) => Promise<{ stage: Stage; shown?: () => string }>,
  atOnce = 1,
): Promise<Tally> {
  const outcomes: Record<string, number> = {}
  let wrong = 0
  let first: string | undefined
  let begun = 0
  const lane = async () => {
    while (begun < rounds && !(untilWrong && wrong > 0)) {
      const round = begun++
      const { stage, shown } = await stageOf(round)
      try {
        const outcome = await race.round(stage)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      } catch (error) {
        wrong++
        first ??= `round ${round}: ${error instanceof Error ? error.message : String(error)}\n${shown?.() ?? ''}`
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return {
    race: race.name,
    rounds: begun,
    outcomes,
    wrong,
    ...(first === undefined ? {} : { first }),
  }
}
