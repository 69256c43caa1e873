// The pieces that views are made of.
import {useSignal} from '@preact/signals'
import type {ComponentChildren, InputHTMLAttributes} from 'preact'
import {useEffect, useRef} from 'preact/hooks'
import type {Problem} from './api'
import {absolute, cost, count, relative, visible, type Cost} from './format'
import type {Load, Loaded} from './load'
import {imageLink} from './route'
import {known, t, type Word} from './text'

// Foreign is text that others wrote: names, tags, descriptions. It stands alone in its direction, and what is invisible in it is shown.
export const Foreign = ({text}: {text: string}) => <bdi>{visible(text)}</bdi>

// Said is a sentence of the API, which is English.
export const Said = ({text}: {text: string}) => <span lang="en" dir="ltr">{visible(text)}</span>

export const Unknown = ({why}: {why?: string}) => <span class="unknown" title={why}>{t('unknown')}</span>
export const None = ({text}: {text?: string}) => <span class="none">{text ?? t('none')}</span>

// Tri is yes, no, or not known.
export const Tri = ({is}: {is: boolean | null | undefined}) => is === null || is === undefined ? <Unknown /> : <>{is ? t('yes') : t('no')}</>

export const Time = ({at}: {at?: string}) => at ? <time dateTime={at} title={absolute(at)}>{relative(at)}<span class="sub"> {absolute(at)}</span></time> : <Unknown />
export const Short = ({at}: {at?: string}) => at ? <time dateTime={at} title={absolute(at)}>{relative(at)}</time> : <Unknown />

export const Money = ({of}: {of: Cost}) => {
  const {text, unsure} = cost(of)
  return <span class={unsure ? 'unsure' : undefined} title={of.unknown ? t('ofWhichUnknown', {n: of.unknown}) : undefined}>{text}</span>
}

type Tone = 'good' | 'bad' | 'warn' | 'plain' | 'unknown'
export const Badge = ({tone = 'plain', children}: {tone?: Tone, children: ComponentChildren}) => <span class={`badge ${tone}`}>{children}</span>

export const toneOf = (state: string): Tone => {
  if (['Available', 'Running', 'finished', 'applied', 'allowed', 'notInUse', 'already', 'passed'].includes(state)) return 'good'
  if (['CreateFailed', 'UnAvailable', 'failed', 'denied', 'halted', 'aborted', 'refuse', 'fatal', 'delete', 'quarantine', 'purge'].includes(state)) return 'bad'
  if (['Deprecated', 'partly', 'paused', 'awaitingApproval', 'aborting', 'warning', 'mark', 'waiting'].includes(state)) return 'warn'
  if (['unknown', 'unsure'].includes(state)) return 'unknown'
  return 'plain'
}
export const State = ({is, of = 'state'}: {is: string, of?: string}) => <Badge tone={toneOf(is)}>{known(of, is)}</Badge>

// Copy is a button that copies text.
export const Copy = ({text, what}: {text: string, what?: string}) => {
  const done = useSignal(false)
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); done.value = true; setTimeout(() => { done.value = false }, 1500) } catch { done.value = false }
  }
  return <button type="button" class="copy" onClick={copy} aria-label={t('copyThis', {what: what ?? text})} title={t('copyThis', {what: what ?? text})}>{done.value ? '✓' : <svg viewBox="0 0 16 16" aria-hidden="true"><rect x="5" y="5" width="9" height="9" rx="1.5" /><path d="M11 5V3.5A1.5 1.5 0 0 0 9.5 2h-6A1.5 1.5 0 0 0 2 3.5v6A1.5 1.5 0 0 0 3.5 11H5" /></svg>}</button>
}

export const ImageName = ({of}: {of: {imageId: string, regionId?: string, accountId?: string, name?: string}}) =>
  <><a href={imageLink(of)}>{of.name ? <Foreign text={of.name} /> : of.imageId}</a>{of.name && of.name !== of.imageId && <span class="sub id">{of.imageId}</span>}</>

export const Id = ({text}: {text: string}) => <span class="id">{text}<Copy text={text} /></span>

export interface Reason { code: string, sentence: string }
export const Reasons = ({of}: {of?: Reason[]}) => of && of.length > 0
  ? <ul class="reasons">{of.map((r, n) => <li key={n}><Said text={r.sentence} /> <code>{r.code}</code></li>)}</ul>
  : null

export interface Unread { accountId?: string, regionId?: string, code: string, sentence: string, permission?: string }
// Unreads tells loudly what could not be read: what is not in a list may be there all the same.
export const Unreads = ({of}: {of?: Unread[]}) => of && of.length > 0
  ? <details class="notice warn" open={of.length < 4}><summary>{t('couldNotBeRead', {n: count(of.length)})}</summary>
    <ul class="reasons">{of.map((u, n) => <li key={n}>{[u.regionId, u.accountId].filter(Boolean).join(' · ') || t('everywhere')}: <Said text={u.sentence} /> <code>{u.code}</code>
      {u.permission && <> · {t('permission')} <code>{u.permission}</code></>}</li>)}</ul></details>
  : null

// Failed is a problem document for people.
export const Failed = ({problem, again}: {problem: Problem, again?: () => void}) =>
  <div class="notice bad" role="alert">
    <p><strong>{problem.status === 403 ? t('forbidden') : problem.status === 401 ? t('signedOut') : problem.status === 404 ? t('notFound') : problem.status === 0 ? known('problem', problem.code) : t('didNotWork')}</strong>
      {' '}{problem.detail && <Said text={problem.detail} />} <code>{problem.code}</code></p>
    {problem.errors && <ul class="reasons">{problem.errors.map((e, n) => <li key={n}><b>{e.field}</b>: <Said text={e.detail} /> <code>{e.code}</code></li>)}</ul>}
    {problem.field && <p>{t('field')}: <code>{problem.field}</code></p>}
    {problem.requestId && <p class="sub">{t('requestId')} <code>{problem.requestId}</code></p>}
    {again && <button type="button" onClick={again}>{t('tryAgain')}</button>}
  </div>

// Read shows what was loaded: first nothing but that it loads, then the content, with what went wrong since above it.
export const Read = <T,>({load, children}: {load: Load<T>, children: (data: T, state: Loaded<T>) => ComponentChildren}) => {
  const s = load.state.value
  return <div aria-busy={s.loading}>
    {s.problem && <Failed problem={s.problem} again={() => load.again()} />}
    {s.problem && s.data !== undefined && s.at && <p class="notice warn">{t('old', {when: relative(new Date(s.at).toISOString())})}</p>}
    {s.data === undefined ? s.loading && <p class="loading">{t('loading')}</p> : <div class={s.problem ? 'stale' : undefined}>{children(s.data, s)}</div>}
  </div>
}

export const AsOf = ({load, at}: {load: Load<unknown>, at?: string}) =>
  <p class="asof">{at && <>{t('asOf')} <Short at={at} /> </>}<button type="button" class="small" onClick={() => load.again()} disabled={load.state.value.loading}>{t('refresh')}</button></p>

// Wide holds a table: it scrolls in itself, by keyboard too, and on narrow screens its rows become cards.
export const Wide = ({label, children}: {label: string, children: ComponentChildren}) =>
  <div class="wide" role="group" aria-label={label} tabIndex={0}>{children}</div>

export const Cell = ({label, children, class: name}: {label: string, children: ComponentChildren, class?: string}) => <td data-label={label} class={name}>{children}</td>

export const Section = ({title, children, id}: {title: string, children: ComponentChildren, id?: string}) =>
  <section aria-label={title} id={id}><h2>{title}</h2>{children}</section>

export const Facts = ({of}: {of: [string, ComponentChildren][]}) => <dl class="facts">{of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>

// Number is one figure with what it means; it may lead to the list behind it.
export const Figure = ({label, href, tone, children}: {label: string, href?: string, tone?: Tone, children: ComponentChildren}) => {
  const inner = <><span class="figure">{children}</span><span class="label">{label}</span></>
  return href ? <a class={`tile ${tone ?? ''}`} href={href}>{inner}</a> : <div class={`tile ${tone ?? ''}`}>{inner}</div>
}

// Bars is a list of amounts, the largest full; what is not known has no bar and says so.
export const Bars = ({rows, label}: {rows: {name: ComponentChildren, key: string, value: number | undefined, shown: ComponentChildren}[], label: string}) => {
  const most = Math.max(1e-9, ...rows.map(r => r.value ?? 0))
  return <table class="bars"><caption>{label}</caption><tbody>{rows.map(r => <tr key={r.key}><th scope="row">{r.name}</th>
    <td class="bar">{r.value !== undefined && <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width={Math.max(0.5, r.value / most * 100)} height="8" rx="1" /></svg>}</td>
    <td class="num">{r.shown}</td></tr>)}</tbody></table>
}

// Line is amounts over months; a month without a report is a gap, never a zero.
export const Line = ({points, label}: {points: {month: string, value: number | undefined, shown: string}[], label: string}) => {
  const values = points.map(p => p.value).filter((v): v is number => v !== undefined)
  const most = Math.max(1e-9, ...values) * 1.1
  const x = (n: number) => 20 + n * (560 / Math.max(1, points.length - 1))
  const y = (v: number) => 110 - v / most * 100
  const parts: string[] = []
  let pen = 'M'
  points.forEach((p, n) => { if (p.value === undefined) { pen = 'M' } else { parts.push(`${pen}${x(n).toFixed(1)} ${y(p.value).toFixed(1)}`); pen = 'L' } })
  return <figure class="line"><figcaption>{label}</figcaption>
    <svg viewBox="0 0 600 120" role="img" aria-label={points.map(p => `${p.month}: ${p.shown}`).join('; ')}>
      <line x1="20" x2="580" y1="110" y2="110" class="axis" />
      <path d={parts.join(' ')} fill="none" />
      {points.map((p, n) => p.value !== undefined && <circle key={p.month} cx={x(n)} cy={y(p.value)} r="4"><title>{`${p.month}: ${p.shown}`}</title></circle>)}
    </svg>
    <ol class="months" aria-hidden="true">{points.map(p => <li key={p.month}>{p.month}<br />{p.value === undefined ? <None text="–" /> : p.shown}</li>)}</ol>
  </figure>
}

// Field is a labelled control with what is wrong with it.
export const Field = ({label, wrong, children}: {label: string, wrong?: string, children: ComponentChildren}) =>
  <label class={wrong ? 'field wrong' : 'field'}><span>{label}</span>{children}{wrong && <em role="alert">{wrong}</em>}</label>

type InputProps = InputHTMLAttributes
export const Text = ({label, wrong, ...rest}: {label: string, wrong?: string} & InputProps) =>
  <Field label={label} wrong={wrong}><input autocomplete="off" spellcheck={false} aria-invalid={wrong ? true : undefined} {...rest} /></Field>

export const Choice = ({label, value, options, any, onChange, word, name}: {label: string, value: string, options: readonly string[], any?: Word, onChange?: (v: string) => void, word?: string, name?: string}) =>
  <Field label={label}><select name={name} value={value} onChange={e => onChange?.(e.currentTarget.value)}>
    {any && <option value="">{t(any)}</option>}
    {options.map(o => <option key={o} value={o} selected={o === value}>{word ? known(word, o) : o}</option>)}</select></Field>

// Announce says something to a screen reader without moving anything.
export const Announce = ({text}: {text: string}) => <p class="hidden" role="status" aria-live="polite">{text}</p>

// useTitle names the page, and moves the focus to its heading when the view was changed by its link.
export const Heading = ({text, children}: {text: string, children?: ComponentChildren}) => {
  const at = useRef<HTMLHeadingElement>(null)
  useEffect(() => { document.title = `${text} · Imagekeeper` }, [text])
  useEffect(() => { if (moved) at.current?.focus({preventScroll: true}); moved = true }, [])
  return <div class="heading"><h1 tabIndex={-1} ref={at}>{text}</h1>{children}</div>
}
let moved = false
