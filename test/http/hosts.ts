import express from 'express'
import express4 from 'express4'
import type { EndpointOptions, Twinkey } from 'twinkey'
import { startExpress } from './host-express.ts'
import { startFastify } from './host-fastify.ts'
import { startHono } from './host-hono.ts'
import type { Route } from './routes.ts'

/** A running server with the test application. */
export interface Host {
  readonly port: number
  close(): Promise<void>
}

/** What a server serves: guarded routes that answer with who was let in, and token endpoints by mount point. */
export interface Application {
  readonly routes: readonly Route[]
  readonly tokens: Readonly<Record<string, EndpointOptions | undefined>>
  /** Stands before everything else and writes down each request twice: as it came in, and when its answer is written. */
  readonly log?: ((line: LogLine) => void) | undefined
}

/** What a logger of the application can see of a request. */
export interface LogLine {
  readonly when: 'received' | 'answered'
  /** The URL, in every form in which the framework shows it. */
  readonly urls: readonly string[]
  /** The query as the framework parsed it. */
  readonly query: object
}

/** How to start an application, by name of the host. */
export const hosts: Readonly<Record<string, (twinkey: Twinkey, application: Application) => Promise<Host>>> = {
  'Express 5': (twinkey, application) => startExpress(express, twinkey, application),
  'Express 4': (twinkey, application) => startExpress(express4, twinkey, application),
  'Fastify 5': startFastify,
  'Hono 4 on Node': startHono,
}
