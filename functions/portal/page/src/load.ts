// What a view has read: kept when a later reading fails, and marked as old then.
import {useSignal, type Signal} from '@preact/signals'
import {useEffect, useRef} from 'preact/hooks'
import {inTurn, Refused, type Answer, type Problem, type Query} from './api'
import {token} from './session'

export interface Loaded<T> {
  data?: T
  at?: number
  problem?: Problem
  loading: boolean
}

export interface Load<T> { state: Signal<Loaded<T>>, again: (fresh?: boolean) => void }

export interface Options {
  // off: not yet, or not at all.
  off?: boolean
  // age is the maxAge of a first look in seconds; undefined: the route has none.
  age?: number
  // every is how often to look again, in milliseconds.
  every?: number
}

// useLoad reads path?query when either changes, when somebody signs in, and every so often.
export const useLoad = <T>(path: string, query: Query, options: Options = {}): Load<T> => {
  const state = useSignal<Loaded<T>>({loading: !options.off})
  const key = path + '?' + JSON.stringify(query)
  const running = useRef<AbortController | undefined>(undefined)
  const last = useRef('')

  const look = async (fresh: boolean): Promise<void> => {
    running.current?.abort()
    const mine = running.current = new AbortController()
    state.value = last.current === key ? {...state.value, loading: true} : {loading: true}
    last.current = key
    const age = fresh ? undefined : options.age
    try {
      const answer: Answer<T> = await inTurn<T>(path, {query: {...query, maxAge: age}, signal: mine.signal})
      state.value = {data: answer.body, at: answer.at, loading: false, problem: answer.problem}
    } catch (reason) {
      if (mine.signal.aborted) return
      state.value = {...state.value, loading: false, problem: reason instanceof Refused ? reason.problem : {status: 0, code: 'pageDefect', detail: String(reason)}}
    }
  }

  useEffect(() => {
    if (options.off) return
    void look(false)
    return () => running.current?.abort()
  }, [key, options.off, token.value])

  useEffect(() => {
    if (options.off || !options.every) return
    const timer = setInterval(() => { if (!document.hidden && !state.peek().loading) void look(true) }, options.every)
    return () => clearInterval(timer)
  }, [key, options.off, options.every, token.value])

  return {state, again: (fresh = true) => void look(fresh)}
}
