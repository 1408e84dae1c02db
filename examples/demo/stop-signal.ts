const LOOK_EVERY_MILLISECONDS = 250

/**
 * Resolves at the first SIGINT or SIGTERM. The second one has its default effect and ends the
 * process immediately.
 *
 * The shell in which npm runs a script does not forward signals. A signal ends the shell and leaves
 * the script running. So under npm, this also resolves when the launcher has ended.
 *
 * @param launcher The id of the parent process at the start.
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
