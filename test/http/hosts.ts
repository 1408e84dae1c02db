import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import type { Endpoints, TokenEndpointOptions, Twinkey } from 'twinkey'
import { sendHttp2 } from '../support/http2.ts'
import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http.ts'
import { bun, startHonoOnBun, startWeb } from './host-bun.ts'
import { startExpress } from './host-express.ts'
import { startFastify } from './host-fastify.ts'
import { startHono } from './host-hono.ts'
import { createWebApp } from './host-web.ts'
import type { Route } from './routes.ts'

/** A running server with the test application. */
export interface Host {
  readonly port: number
  /** Whether it speaks HTTP/2, without TLS, and nothing else. */
  readonly http2?: boolean
  close(): Promise<void>
}

/**
 * What a server serves: guarded routes that answer with the principal, and token endpoints by mount
 * point.
 */
export interface Application {
  readonly routes: readonly Route[]
  readonly tokens: Readonly<Record<string, TokenEndpointOptions | undefined>>
  /** Further endpoints by mount point. Their `rootRoutes` are at the root. */
  readonly endpoints?: Readonly<Record<string, Endpoints>> | undefined
  /** Puts a layer before the guards that changes headers as a request says: see edits.ts. */
  readonly edits?: boolean | undefined
  /** Trusts X-Forwarded-For of loopback, on hosts that have an option for it. */
  readonly trustProxy?: boolean | undefined
  /**
   * Stands before everything else and records each request twice: on arrival, and when its answer
   * is written.
   */
  readonly log?: ((line: LogLine) => void) | undefined
  /**
   * Receives each line of the framework's own logger, or of an access log if it has none. Errors
   * are printed as on a developer's machine.
   */
  readonly accessLog?: ((line: string) => void) | undefined
}

/** What a logger of the application can see of a request. */
export interface LogLine {
  readonly when: 'received' | 'answered'
  /** The URL, in every form in which the framework shows it. */
  readonly urls: readonly string[]
  /** The query as the framework parsed it. */
  readonly query: object
}

type Start = (twinkey: Twinkey, application: Application) => Promise<Host>

const express5: Start = (twinkey, application) => startExpress(express, twinkey, application)
const onNode: Readonly<Record<string, Start>> = {
  'Express 5': express5,
  'Express 4': (twinkey, application) => startExpress(express4, twinkey, application),
  'Fastify 5': startFastify,
  'Hono 4 on Node': startHono,
}
const onBun: Readonly<Record<string, Start>> = {
  'web on Bun': startWeb,
  'Hono 4 on Bun': startHonoOnBun,
  'Express 5': express5,
  'Fastify 5': startFastify,
}

/**
 * How to start an application, by host. The tables run on Node, and bun.interop.test.ts repeats
 * them on Bun.
 */
export const hosts: Readonly<Record<string, Start>> = bun === undefined ? onNode : onBun

/** Frameworks that speak HTTP/2, on Node. Express does not. */
export const http2Hosts: Readonly<Record<string, Start>> = {
  'Fastify 5 on HTTP/2': (twinkey, application) => startFastify(twinkey, application, true),
  'Hono 4 on HTTP/2': (twinkey, application) => startHono(twinkey, application, true),
}

/** The same, and on Node those that speak HTTP/2. */
export const allHosts: Readonly<Record<string, Start>> =
  bun === undefined ? { ...hosts, ...http2Hosts } : hosts

/** The same, and plain handlers behind Node's server. On Bun, they are among the hosts. */
export const everyHost: Readonly<Record<string, Start>> =
  bun === undefined ? { ...allHosts, 'web on Node': startWebOnNode } : allHosts

async function startWebOnNode(twinkey: Twinkey, application: Application): Promise<Host> {
  const fetch = createWebApp(twinkey, application)
  return new Promise((resolve) => {
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) =>
      resolve({ port, close: () => new Promise((closed) => server.close(() => closed())) }),
    )
  })
}

/** Sends one request in the protocol that a host speaks. */
export function sendTo({ port, http2 }: Host, request: RawRequest): Promise<RawResponse> {
  return http2 ? sendHttp2(port, request) : sendRaw(port, request)
}
