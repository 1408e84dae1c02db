// A test runner for Stryker. Stryker's own runner starts Vitest anew for each mutant, which takes
// seconds. This runner starts it once, and test/mutation/stay.ts runs the tests of one mutant after
// another in it, which takes a tenth of a second.
import { createVitest } from 'vitest/node'

class Runner {
  #channel
  #vitest
  #answered

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init() {
    process.env.NODE_ENV = 'test'
    process.env.VITEST = '1'
    this.#channel = new BroadcastChannel(`mutants of ${process.pid}`)
    this.#channel.onmessage = ({ data }) => this.#answered(data)
    this.#vitest = await createVitest('test', {
      config: 'test/mutation/vitest.config.ts',
      pool: 'threads',
      maxWorkers: 1,
      watch: false,
      coverage: { enabled: false },
      reporters: [{}],
    })
    const ready = this.#next()
    void this.#vitest.start()
    await ready
  }

  async dryRun() {
    const { results, coverage } = await this.#ask('dry')
    const tests = results.map(({ id, file, time }) => ({
      id,
      name: id,
      fileName: file,
      timeSpentMs: time,
      status: 0,
    }))
    return { status: 'complete', tests, mutantCoverage: coverage }
  }

  async mutantRun({ activeMutant, mutantActivation, testFilter }) {
    const tests = mutantActivation === 'static' ? undefined : testFilter
    const failure = await this.#ask({ id: activeMutant.id, file: activeMutant.fileName, tests })
    if (failure === undefined) return { status: 'survived', nrOfTests: testFilter?.length ?? 0 }
    return {
      status: 'killed',
      killedBy: [failure.id],
      failureMessage: failure.message,
      nrOfTests: 1,
    }
  }

  async dispose() {
    this.#channel.postMessage('end')
    await this.#vitest.close()
    this.#channel.close()
  }

  async #ask(question) {
    const next = this.#next()
    this.#channel.postMessage(question)
    return await next
  }

  #next() {
    return new Promise((resolve, reject) => {
      this.#answered = ({ answer, error }) =>
        error === undefined ? resolve(answer) : reject(new Error(error))
    })
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'stay', injectableClass: Runner }]
