import type { Keyring, Settings, Twinkey } from '../../index.ts'

/** `check` is for what the command line cannot see. */
export type Status = 'ok' | 'warning' | 'problem' | 'check'

/** The result of one check. */
export interface Finding {
  readonly topic: string
  readonly status: Status
  /** What was found, and what to do. */
  readonly message: string
}

/** What a check looks at. */
export interface Patient {
  readonly twinkey: Twinkey
  readonly keyring: Keyring
  readonly settings: Settings
}

/** Makes the findings of one topic. */
export function about(topic: string) {
  const finding =
    (status: Status) =>
    (message: string): Finding => ({ topic, status, message })
  return {
    ok: finding('ok'),
    warning: finding('warning'),
    problem: finding('problem'),
    check: finding('check'),
  }
}
