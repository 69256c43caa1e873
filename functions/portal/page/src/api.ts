// How the page asks the API: the caller's token in a header, one question after the other, since an instance answers one
// at a time, and every failure as the problem document that it is.
import {signal} from '@preact/signals'
import type {components, paths} from './openapi'
import {expired, token} from './session'

export type Schema = components['schemas']
// Quote is what GET /prices/{imageId} answers.
export type Quote = paths['/prices/{imageId}']['get']['responses'][200]['content']['application/json']

export interface Problem {
  status: number
  code: string
  detail: string
  title?: string
  field?: string
  errors?: {field: string, code: string, detail: string}[]
  requestId?: string
}

export class Refused extends Error {
  constructor(readonly problem: Problem, readonly body: unknown) { super(problem.detail) }
}

export interface Answer<T> { status: number, body: T, at: number, problem?: Problem }

export type Query = Record<string, string | number | boolean | undefined>

// busy is how many questions are open, for the line at the top.
export const busy = signal(0)

const problemOf = (status: number, body: unknown): Problem => {
  const told = body as Partial<Problem> | null
  return told && typeof told === 'object' && typeof told.code === 'string'
    ? {...told, status, code: told.code, detail: told.detail ?? ''} as Problem
    : {status, code: `http${status}`, detail: ''}
}

const address = (path: string, query: Query): string => {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') text.set(name, String(value))
  const tail = text.toString()
  return path.replace(/^\//, '') + (tail ? '?' + tail : '')
}

export interface Question { method?: string, query?: Query, body?: unknown, signal?: AbortSignal, accept?: string }

const send = async (path: string, q: Question): Promise<Response> => {
  const headers: Record<string, string> = {Accept: q.accept ?? 'application/json'}
  if (token.value) headers.Authorization = `Bearer ${token.value}`
  if (q.body !== undefined) headers['Content-Type'] = 'application/json'
  const limit = AbortSignal.timeout(75_000)
  try {
    return await fetch(address(path, q.query ?? {}), {
      method: q.method ?? 'GET', headers, body: q.body === undefined ? undefined : JSON.stringify(q.body),
      signal: q.signal ? AbortSignal.any([q.signal, limit]) : limit, credentials: 'omit', redirect: 'error', cache: 'no-store',
    })
  } catch (failure) {
    if (q.signal?.aborted) throw failure
    throw new Refused({status: 0, code: limit.aborted ? 'noAnswerInTime' : 'notReached', detail: ''}, null)
  }
}

// ask sends one question. It throws Refused for a problem that tells nothing else; one that comes with what was asked for,
// such as a list of which a region could not be read, is answered with the problem beside it.
export const ask = async <T>(path: string, q: Question = {}): Promise<Answer<T>> => {
  busy.value++
  try {
    const used = token.value
    const response = await send(path, q)
    const text = await response.text()
    let body: unknown = null
    try { body = text ? JSON.parse(text) : null } catch { body = null }
    if (response.ok && (body !== null || response.status === 204)) return {status: response.status, body: body as T, at: Date.now()}
    const problem = problemOf(response.status, body)
    if (response.ok) problem.code = 'answerMalformed'
    if (response.status === 401) expired(used)
    const whole = body as {items?: unknown, plan?: unknown} | null
    if (whole && (Array.isArray(whole.items) && response.status === 502)) return {status: response.status, body: body as T, at: Date.now(), problem}
    throw new Refused(problem, body)
  } finally { busy.value-- }
}

let tail: Promise<unknown> = Promise.resolve()

// inTurn asks when everything asked before has been answered.
export const inTurn = <T>(path: string, q: Question = {}): Promise<Answer<T>> => {
  const turn = tail.then(() => {
    if (q.signal?.aborted) throw new DOMException('not needed any more', 'AbortError')
    return ask<T>(path, q)
  })
  tail = turn.catch(() => undefined)
  return turn
}

// file is a table or lines, to be saved.
export const file = async (path: string, q: Question): Promise<Blob> => {
  const response = await send(path, {...q, accept: '*/*'})
  if (!response.ok) throw new Refused(problemOf(response.status, await response.json().catch(() => null)), null)
  return response.blob()
}
