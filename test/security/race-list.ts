import type { Race } from './race.ts'
import { createCreate, renewIssue, rotateRotate, rotateVerify } from './race-management.ts'
import {
  callers,
  deleteVerify,
  disableVerify,
  invalidateLoad,
  revokeFill,
} from './race-verdicts.ts'

/** Every race. */
export const races: readonly Race[] = [
  createCreate,
  rotateRotate,
  rotateVerify,
  renewIssue,
  disableVerify,
  deleteVerify,
  revokeFill,
  invalidateLoad,
  callers,
]
