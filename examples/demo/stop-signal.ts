const LOOK_EVERY_MILLISECONDS = 250

/**
 * Resolves at the first signal to end. The second ends the process at once, as it would without
 * this.
 *
 * The shell that npm runs a script in does not pass signals on: it dies of them and leaves the
 * script behind. So under npm the end of the launcher counts as a signal too.
 *
 * @param launcher The parent process at the start.
 */
export function stopSignal(launcher: number): Promise<void> {
  return new Promise((resolve) => {
    const look = setInterval(
      () => process.ppid !== launcher && stop(),
      LOOK_EVERY_MILLISECONDS,
    ).unref()
    if (process.env['npm_lifecycle_event'] === undefined) clearInterval(look)
    const stop = () => {
      clearInterval(look)
      process.off('SIGINT', stop).off('SIGTERM', stop)
      resolve()
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
  })
}
