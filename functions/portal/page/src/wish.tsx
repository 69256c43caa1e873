// A wish is put together from a form, or written as the JSON that the API takes; it is in the link, so that a reload, or a second
// person, has the same.
import {useSignal} from '@preact/signals'
import type {Query} from './api'
import {Change} from './change'
import {Field} from './parts'
import {go, link, type Route} from './route'
import type {Role} from './session'
import {known, t, type Word} from './text'

export interface Part { path: string, label: Word, kind?: 'list' | 'number' | 'flag' | 'choice' | 'pairs', options?: readonly string[], hint?: string, first?: string, more?: boolean }

type Json = Record<string, unknown>

const put = (into: Json, path: string, value: unknown): void => {
  const [head = '', ...rest] = path.split('.')
  if (rest.length === 0) into[head] = value
  else put((into[head] ??= {}) as Json, rest.join('.'), value)
}

const get = (from: unknown, path: string): unknown => path.split('.').reduce<unknown>((at, name) => at && typeof at === 'object' ? (at as Json)[name] : undefined, from)

const shown = (part: Part, value: unknown): string => value === undefined ? '' : Array.isArray(value) ? value.join(', ')
  : part.kind === 'pairs' && value && typeof value === 'object' ? Object.entries(value as Json).map(([k, v]) => `${k}=${String(v)}`).join(' ') : String(value)

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

const made = (parts: Part[], form: HTMLFormElement): Json => {
  const data = new FormData(form), out: Json = {}
  for (const part of parts) {
    const text = String(data.get(part.path) ?? '').trim()
    if (text === '') continue
    const value = part.kind === 'list' ? words(text) : part.kind === 'number' ? (/^\d+$/.test(text) ? Number(text) : text) : part.kind === 'flag' ? text === 'true'
      : part.kind === 'pairs' ? Object.fromEntries(words(text).map(p => p.split(/=(.*)/s).slice(0, 2) as [string, string]).map(([k, v]) => [k, v ?? ''])) : text
    put(out, part.path, value)
  }
  return out
}

export const parse = (query: URLSearchParams): Json | undefined => {
  try { const v: unknown = JSON.parse(query.get('wish') ?? ''); return v && typeof v === 'object' && !Array.isArray(v) ? v as Json : undefined } catch { return undefined }
}

const without = (query: URLSearchParams): Query => Object.fromEntries([...query].filter(([name]) => name !== 'wish' && name !== 'restore'))

export const Wishes = ({at, title, path, method = 'POST', parts, role, view, query, done}: {at: Route, title: string, path: string, method?: 'POST' | 'PUT' | 'PATCH', parts: Part[], role: Role, view: string, query?: Query, done?: () => void}) => {
  const wish = parse(at.query)
  const wrong = useSignal('')
  const open = (w: Json | undefined) => go(link(view, at.id, {...Object.fromEntries(at.query), wish: w && JSON.stringify(w)}))
  const control = (p: Part) => <Field key={p.path} label={t(p.label)}>{p.kind === 'flag' || p.kind === 'choice'
    ? <select name={p.path}><option value="">{p.first ?? t('usual')}</option>{(p.options ?? ['true', 'false']).map(o => <option key={o} value={o} selected={shown(p, get(wish, p.path)) === o}>{p.kind === 'flag' ? known('flag', o) : known('word', o)}</option>)}</select>
    : <input name={p.path} value={shown(p, get(wish, p.path))} placeholder={p.hint} autocomplete="off" spellcheck={false} />}</Field>
  const more = parts.filter(p => p.more)
  return <>
    <details class="filters" open={wish !== undefined}><summary><b>{title}</b></summary>
      <form key={JSON.stringify(wish)} onSubmit={e => { e.preventDefault(); open(made(parts, e.currentTarget)) }}>
        <div class="grid">{parts.filter(p => !p.more).map(control)}</div>
        {more.length > 0 && <details><summary>{t('moreFilters')}</summary><div class="grid">{more.map(control)}</div></details>}
        <p><button type="submit" class="main">{t('showPlan')}</button>{wish && <a href={link(view, at.id, without(at.query))}>{t('discard')}</a>}</p>
      </form>
      <details><summary>{t('asJson')}</summary><form key={'j' + JSON.stringify(wish)} onSubmit={e => {
        e.preventDefault()
        try { const v: unknown = JSON.parse(String(new FormData(e.currentTarget).get('json'))); wrong.value = ''; open(v as Json) } catch (reason) { wrong.value = String(reason) }
      }}><Field label={`${method} ${path}`} wrong={wrong.value || undefined}><textarea name="json" rows={8} spellcheck={false} defaultValue={JSON.stringify(wish ?? {}, null, 2)} /></Field><p><button type="submit">{t('showPlan')}</button></p></form></details>
    </details>
    {wish && <Change wish={{method, path, query, body: wish, role}} invite={link(view, at.id, {...Object.fromEntries(at.query), wish: JSON.stringify(wish)})} done={done} />}
  </>
}
