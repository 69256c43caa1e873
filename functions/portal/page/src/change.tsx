// How the page changes something: it shows the plan, asks for the number of changes to be typed, and sends the digest of the plan
// that was seen. What moved meanwhile comes back as a new plan, to be looked at anew.
import {useSignal} from '@preact/signals'
import type {ComponentChildren} from 'preact'
import {useEffect, useRef} from 'preact/hooks'
import {ask, Refused, type Problem, type Query} from './api'
import {count} from './format'
import {Badge, Cell, Copy, Failed, Foreign, None, Reasons, Said, State, Time, Unreads, Wide, type Reason, type Unread} from './parts'
import {link, workLink} from './route'
import {may, type Role} from './session'
import {known, t} from './text'

export interface Step { action: string, reasons?: Reason[], [member: string]: unknown }
export interface Plan { digest: string, changes: number, applicable: boolean, steps: Step[], base?: Record<string, string> }
export interface Finding { level: string, code: string, sentence: string, remedy?: string }
export interface Outcome { action?: string, result: string, reason?: Reason | null, [member: string]: unknown }
export interface Planned {
  plan?: Plan, findings?: Finding[], differences?: {fact: string, was: string, is: string}[], outcomes?: Outcome[], totals?: unknown, unknown?: Unread[], unsure?: Reason[],
  nextCursor?: string, state?: string, approvedBy?: string[], validUntil?: string, id?: string, applied?: boolean, complete?: boolean
}

export interface Wish { method: 'POST' | 'PUT' | 'PATCH', path: string, query?: Query, body: Record<string, unknown>, role: Role }

const first = ['name', 'instanceId', 'imageId', 'snapshotId', 'family', 'accountId', 'regionId']
// goes are the steps by which an image goes, each of which a keep stops.
const goes = ['mark', 'wait', 'quarantine', 'delete']
const plain = ['action', 'reasons', ...first]

// subject names what a step is about, from what it has of names and ids.
export const Subject = ({of}: {of: Record<string, unknown>}) => <>{first.filter(n => typeof of[n] === 'string' && of[n] !== '').map((n, i) => <span key={n} class={i === 0 ? undefined : 'sub'}>{i > 0 && ' · '}<Foreign text={String(of[n])} /></span>)}</>

// Value is a value of a step that the page knows nothing special of.
export const Value = ({of}: {of: unknown}): ComponentChildren => {
  if (of === null || of === undefined) return <None />
  if (typeof of === 'string') return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(of) ? <Time at={of} /> : <Foreign text={of} />
  if (typeof of !== 'object') return String(of)
  if (Array.isArray(of)) return of.length === 0 ? <None /> : <ul class="reasons">{of.map((v, n) => <li key={n}><Value of={v as unknown} /></li>)}</ul>
  const o = of as Record<string, unknown>
  if (typeof o.sentence === 'string') return <><Said text={o.sentence} />{typeof o.code === 'string' && <> <code>{o.code}</code></>}</>
  if (typeof o.amount === 'string') return `${o.amount} ${String(o.currency ?? '')}`
  return <span class="sub">{Object.entries(o).map(([k, v], n) => <span key={k}>{n > 0 && ', '}{k}: <Value of={v} /></span>)}</span>
}

export const Steps = ({of}: {of: Step[]}) => <Wide label={t('steps')}><table class="cards"><thead><tr><th scope="col">{t('action')}</th><th scope="col">{t('subject')}</th><th scope="col">{t('reasons')}</th><th scope="col">{t('details')}</th></tr></thead>
  <tbody>{of.map((s, n) => { const more = Object.entries(s).filter(([k, v]) => !plain.includes(k) && v !== null && v !== '' && !(Array.isArray(v) && v.length === 0)); return <tr key={n}>
    <Cell label={t('action')}><State is={s.action} of="action" /></Cell><Cell label={t('subject')}><Subject of={s} />{goes.includes(s.action) && typeof s.imageId === 'string' && <> <a href={link('cleanup', '', {keep: s.imageId, keepRegion: String(s.regionId ?? '')})}>{t('keepThis')}<span class="hidden"> {s.imageId}</span></a></>}</Cell><Cell label={t('reasons')}><Reasons of={s.reasons} /></Cell>
    <Cell label={t('details')}>{more.length === 0 ? <None text="–" /> : <details><summary>{more.filter(([, v]) => typeof v !== 'object').map(([k, v]) => `${k}: ${String(v)}`).slice(0, 3).join(' · ') || t('details')}</summary>{more.map(([k, v]) => <div key={k}><b>{k}</b>: <Value of={v} /></div>)}</details>}</Cell></tr> })}</tbody></table></Wide>

export const Findings = ({of}: {of?: Finding[]}) => of && of.length > 0 ? <ul class="reasons">{of.map((f, n) => <li key={n}><State is={f.level} of="level" /><Said text={f.sentence} /> <code>{f.code}</code>{f.remedy && <div class="sub">{t('remedy')}: <Said text={f.remedy} /> <Copy text={f.remedy} /></div>}</li>)}</ul> : null

export const Outcomes = ({of}: {of?: Outcome[]}) => of && of.length > 0 ? <ul class="reasons">{of.map((o, n) => <li key={n}><State is={o.result} of="result" />{o.action && known('action', o.action)} <Subject of={o} />{o.reason && <>: <Said text={o.reason.sentence} /> <code>{o.reason.code}</code></>}</li>)}</ul> : null

const number = (n: number): string => String(n)

// Change plans at once, and leads from the plan to what became of it. invite is a link by which a second person finds the same wish.
export const Change = ({wish, done, invite}: {wish: Wish, done?: (answer: Planned) => void, invite?: string}) => {
  const planned = useSignal<Planned | undefined>(undefined)
  const problem = useSignal<Problem | undefined>(undefined)
  const ended = useSignal<{status: number, answer: Planned} | undefined>(undefined)
  const typed = useSignal('')
  const busy = useSignal(false)
  const at = useRef<HTMLHeadingElement>(null)
  const key = JSON.stringify(wish)

  const send = async (body: Record<string, unknown>, then: (status: number, answer: Planned) => void) => {
    busy.value = true
    problem.value = undefined
    try {
      const a = await ask<Planned>(wish.path, {method: wish.method, query: wish.query, body})
      then(a.status, a.body)
    } catch (reason) {
      problem.value = reason instanceof Refused ? reason.problem : {status: 0, code: 'pageDefect', detail: String(reason)}
      const told = reason instanceof Refused ? reason.body as Planned | null : null
      if (told && typeof told === 'object' && (told.plan || told.outcomes)) { planned.value = told; typed.value = '' }
    } finally { busy.value = false }
    at.current?.focus()
  }
  const plan = () => send(wish.body, (_, answer) => { planned.value = answer })
  const apply = (digest: string) => send({...wish.body, apply: {digest}}, (status, answer) => { ended.value = {status, answer}; done?.(answer) })
  const more = (cursor: string) => send({...wish.body, cursor}, (_, answer) => {
    const before = planned.value?.plan
    if (before && answer.plan) planned.value = {...planned.value, plan: {...before, steps: [...before.steps, ...answer.plan.steps]}, nextCursor: answer.nextCursor}
  })
  useEffect(() => { planned.value = undefined; ended.value = undefined; typed.value = ''; void plan() }, [key])

  const p = planned.value?.plan
  const e = ended.value
  return <section class="confirm" aria-label={t('plan')} aria-busy={busy.value}>
    <h2 tabIndex={-1} ref={at}>{e ? t('outcome') : t('plan')}</h2>
    {problem.value && <>{problem.value.status === 409 && planned.value?.plan && <p class="notice warn" role="alert"><strong>{t('moved')}</strong></p>}<Failed problem={problem.value} again={planned.value ? undefined : () => void plan()} /></>}
    {e ? <Ended path={wish.path} status={e.status} answer={e.answer} invite={invite} /> : <>
      {busy.value && !p && <p class="loading">{t('planning')}</p>}
      {planned.value && <>
        {planned.value.differences && planned.value.differences.length > 0 && <><h3>{t('whatMoved')}</h3><ul class="reasons">{planned.value.differences.map((d, n) => <li key={n}><code>{d.fact}</code>: <Foreign text={d.was || '–'} /> → <b><Foreign text={d.is || '–'} /></b></li>)}</ul></>}
        <Findings of={planned.value.findings} /><Reasons of={planned.value.unsure} /><Unreads of={planned.value.unknown} /><Outcomes of={planned.value.outcomes} />
        {planned.value.totals !== undefined && planned.value.totals !== null && <div><h3>{t('totals')}</h3><Value of={planned.value.totals} /></div>}
      </>}
      {p && <>
        <p>{p.changes === 0 ? <Badge>{t('nothingToChange')}</Badge> : <b>{t('nChanges', {n: count(p.changes)})}</b>} {!p.applicable && p.changes > 0 && <Badge tone="bad">{t('notApplicable')}</Badge>} <span class="sub">{t('digest')} <code>{p.digest.slice(0, 12)}…</code></span></p>
        {p.steps.length > 0 && <Steps of={p.steps} />}
        {planned.value?.nextCursor && <p><button type="button" disabled={busy.value} onClick={() => void more(planned.value!.nextCursor!)}>{t('moreSteps')}</button></p>}
        {p.applicable && p.changes > 0 && (may(wish.role)
          ? <form onSubmit={ev => { ev.preventDefault(); if (typed.value.trim() === number(p.changes)) void apply(p.digest) }}>
            <label class="field"><span>{t('typeNumber', {n: p.changes})}</span><input name="changes" inputMode="numeric" autocomplete="off" value={typed.value} onInput={ev => { typed.value = ev.currentTarget.value }} /></label>
            <p class="buttons"><button type="submit" class="main" disabled={busy.value || typed.value.trim() !== number(p.changes)}>{t('applyN', {n: p.changes})}</button>{busy.value && <span class="loading">{t('applying')}</span>}</p></form>
          : <p class="notice">{t('needsRole', {role: known('role', wish.role)})}</p>)}
      </>}
    </>}
  </section>
}

const Ended = ({status, path, answer: a, invite}: {status: number, path: string, answer: Planned, invite?: string}) => {
  const waits = a.state === 'awaitingApproval'
  const address = invite && location.origin + location.pathname + invite
  return <div class={waits || status === 207 ? 'notice warn' : 'notice good'} role="status">
    <p><strong>{waits ? t('waitsForSecond') : status === 202 ? t('approvedNow') : status === 207 ? t('partlyDone') : t('done')}</strong>{a.state && <> <State is={a.state} /></>}</p>
    {waits && <><p>{t('secondPersonHow')} {a.validUntil && <>{t('until')} <Time at={a.validUntil} /></>}</p>{address && <p class="id">{address} <Copy text={address} what={t('link')} /></p>}</>}
    {a.id && <p><a href={workLink(path.split('/')[1] ?? '', a.id)}>{t('follow', {id: a.id})}</a></p>}
    <Outcomes of={a.outcomes} />
  </div>
}
