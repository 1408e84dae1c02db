import { fileURLToPath } from 'node:url'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take the longest, the slowest first. If one of them began last, it would run alone
 * at the end. Other files follow in the order of Vitest, which does not know their times in a fresh
 * clone.
 */
export const SLOWEST = [
  'stores/postgres.test.ts',
  'stores/sqlite.test.ts',
  'examples/fleet.test.ts',
  'security/races.test.ts',
  'stores/model.test.ts',
  'pane/flow.test.ts',
  'docs/docs-site.test.ts',
  'stores/postgres-index.test.ts',
  'security/leaks.test.ts',
  'examples/demo.test.ts',
  'cli/process.test.ts',
  'stores/redis.test.ts',
  'examples/example-own-store.test.ts',
  'stores/redis-records.test.ts',
  'stores/postgres-old.test.ts',
  'stores/redis-feed.test.ts',
]

const places = new Map(
  SLOWEST.map((path, place) => [fileURLToPath(new URL(path, import.meta.url)), place]),
)

/** Runs the slowest files first, and those that share a process last, one after another. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const placeOf = ({ moduleId, project }: TestSpecification) =>
      places.get(moduleId) ?? SLOWEST.length + (project.config.isolate ? 0 : 1)
    return sorted.sort((one, other) => placeOf(one) - placeOf(other))
  }
}
