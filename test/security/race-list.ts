import type { Race } from './race.ts'
import { createCreate, regenerateIssue, rotateRotate, rotateVerify } from './race-management.ts'
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
  regenerateIssue,
  disableVerify,
  deleteVerify,
  revokeFill,
  invalidateLoad,
  callers,
]
