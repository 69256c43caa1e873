// Long work of every kind: what runs, what waits for whom, one work item by item, and its orders.
import {useSignal} from '@preact/signals'
import type {ComponentChildren} from 'preact'
import {ask, Refused, type Problem} from './api'
import {Change, Findings, Subject, Value, type Finding} from './change'
import {absolute, count, relative} from './format'
import {useLoad, type Load} from './load'
import {Announce, AsOf, Badge, Cell, Choice, Failed, Figure, Foreign, Heading, Id, None, Read, Said, Section, Short, State, Text, Time, toneOf, Unreads, Wide, type Reason, type Unread} from './parts'
import {go, link, workLink, workView, type Route} from './route'
import {may, mayBrake, subject, type Role} from './session'
import {known, t} from './text'

export type Kind = 'imports' | 'exports' | 'rollouts' | 'cleanups'

export interface Summary {
  id: string, state: string, digest?: string, of?: string, reason?: Reason | null, approvedBy?: string[], approvedAt?: string, validUntil?: string, startedAt?: string, endedAt?: string
  progress?: {done: number, of: number}, next?: {at: string, code?: string, sentence?: string} | null
}
export interface Item { level?: string, result: string, reason?: Reason | null, since?: string, wave?: number, [member: string]: unknown }
export interface Work extends Summary { items: Item[], findings?: Finding[], unknown?: Unread[] }
interface List { items: Summary[], nextCursor?: string, total?: number }

export const states = ['awaitingApproval', 'queued', 'running', 'waiting', 'paused', 'halted', 'aborting', 'aborted', 'finished', 'partly', 'failed'] as const
const over = ['aborted', 'finished', 'partly', 'failed']
export const ended = (w: Summary): boolean => over.includes(w.state)

// isMissing tells a route that leads to no function from a thing that is not there.
export const isMissing = (p: Problem | undefined): boolean => p !== undefined && p.status === 404 && ['noRoute', 'noSuchRoute', 'http404'].includes(p.code)

const Progress = ({of: w}: {of: Summary}) => w.progress
  ? <><progress value={w.progress.done} max={Math.max(1, w.progress.of)} aria-label={t('progress')} /> {count(w.progress.done)} / {count(w.progress.of)}</> : <None text="–" />

// ahead tells whether what comes next is worth a word: a moment that is over says nothing.
const ahead = (w: Summary): boolean => Boolean(w.next && (w.next.sentence || new Date(w.next.at).getTime() > Date.now()))

const Next = ({of: w}: {of: Summary}) => w.next && ahead(w) ? <>{new Date(w.next.at).getTime() > Date.now() && <>{t('goesOn')} <Short at={w.next.at} /></>}{w.next.sentence && <> <Said text={w.next.sentence} /></>}</> : w.reason ? <><Said text={w.reason.sentence} /> <code>{w.reason.code}</code></> : null

// Running is what a person on call has to see first: what is under way, what has stopped, and what waits for somebody.
export const Running = () => {
  const kinds = (['rollouts', 'cleanups', 'imports', 'exports'] as const).map(kind => [kind, useLoad<List>(`/${kind}`, {limit: 20}, {every: 15_000})] as const)
  const open = kinds.flatMap(([kind, load]) => (load.state.value.data?.items ?? []).filter(w => !ended(w)).map(w => ({kind, w})))
  const failed = kinds.filter(([, l]) => l.state.value.problem && !isMissing(l.state.value.problem))
  const missing = kinds.filter(([, l]) => isMissing(l.state.value.problem))
  const bad = ['halted', 'paused', 'awaitingApproval']
  open.sort((a, b) => Number(bad.includes(b.w.state)) - Number(bad.includes(a.w.state)))
  if (kinds.every(([, l]) => l.state.value.loading && !l.state.value.data)) return <p class="loading">{t('loading')}</p>
  return <>
    {failed.map(([kind, l]) => <Failed key={kind} problem={l.state.value.problem!} again={() => l.again()} />)}
    {open.length === 0 ? failed.length > 0 ? <p><span class="unknown">{t('unknown')}</span></p> : <p class="none">{missing.length === kinds.length ? t('noWorkDeployed') : t('nothingRuns')}</p>
      : <ul class="reasons">{open.map(({kind, w}) => <li key={w.id}><a href={workLink(kind, w.id)}>{t(kind === 'cleanups' ? 'cleanup' : kind)} {w.id.slice(0, 12)}</a> <State is={w.state} /> {w.progress && `${count(w.progress.done)} / ${count(w.progress.of)}`} <span class="sub"><Next of={w} /></span></li>)}</ul>}
    {missing.length > 0 && missing.length < kinds.length && <p class="sub">{t('notDeployedOf', {names: missing.map(([k]) => t(k === 'cleanups' ? 'cleanup' : k)).join(', ')})}</p>}
  </>
}

// Works is the list of one kind.
export const Works = ({kind, at}: {kind: Kind, at: Route}) => {
  const state = at.query.get('state') ?? ''
  const load = useLoad<List>(`/${kind}`, {state, limit: 50, cursor: at.query.get('cursor') ?? undefined}, {every: 15_000})
  const s = load.state.value
  if (isMissing(s.problem)) return <p class="notice">{t('notDeployed')}</p>
  return <Section title={t(kind === 'cleanups' ? 'cleanupRuns' : kind)}>
    <div class="buttons"><Choice label={t('stateIs')} value={state} options={states} any="any" word="state" onChange={v => go(link(at.view, '', {state: v}))} /><AsOf load={load} /></div>
    <Read load={load}>{l => l.items.length === 0 ? <p class="none">{t('noWorks')}</p> : <>
      <Wide label={t(kind === 'cleanups' ? 'cleanupRuns' : kind)}><table class="cards"><thead><tr>{(['id', 'stateIs', 'progress', 'approved', 'started', 'endedAt', 'why'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead><tbody>
        {l.items.map(w => <tr key={w.id}><Cell label={t('id')} class="first"><a class="id" href={workLink(kind, w.id)}>{w.id}</a>{w.of && <span class="sub">{t('of')} {w.of}</span>}</Cell><Cell label={t('stateIs')}><State is={w.state} /></Cell><Cell label={t('progress')}><Progress of={w} /></Cell>
          <Cell label={t('approved')}>{w.approvedAt ? <Short at={w.approvedAt} /> : <None />}</Cell><Cell label={t('started')}>{w.startedAt ? <Short at={w.startedAt} /> : <None text={t('notYet')} />}</Cell><Cell label={t('endedAt')}>{w.endedAt ? <Short at={w.endedAt} /> : <None text={t('notYet')} />}</Cell><Cell label={t('why')}><Next of={w} /></Cell></tr>)}</tbody></table></Wide>
      {l.nextCursor && <p class="pages"><a href={link(at.view, '', {state, cursor: l.nextCursor})}>{t('nextPage')}</a></p>}</>}</Read>
  </Section>
}

// act sends an order that acts at once.
const act = async (path: string, method: string, body?: unknown): Promise<Problem | undefined> => {
  try { await ask(path, {method, body}); return undefined } catch (reason) {
    return reason instanceof Refused ? reason.problem : {status: 0, code: 'pageDefect', detail: String(reason)}
  }
}

// One is one work: where it stands, what comes next, and how to stop it.
export const One = ({kind, id, role, at, extra}: {kind: Kind, id: string, role: Role, at: Route, extra?: ComponentChildren}) => {
  const path = `/${kind}/${encodeURIComponent(id)}`
  const live = useSignal(true)
  const load = useLoad<Work>(path, {}, {every: live.value ? 5000 : 60_000})
  const s = load.state.value
  live.value = s.data === undefined || !ended(s.data)
  const w = s.data
  const again = at.query.get('again')
  return <>
    <Heading text={`${t(kind === 'cleanups' ? 'cleanup' : kind)} ${id.slice(0, 12)}`}><AsOf load={load} /></Heading>
    <p><a href={link(workView(kind))}>{t('allOfThem')}</a></p>
    <Announce text={w ? `${known('state', w.state)} ${w.progress ? `${w.progress.done} / ${w.progress.of}` : ''}` : ''} />
    <Read load={load}>{d => <>
      <div class="tiles"><Figure label={t('stateIs')} tone={toneOf(d.state)}>{known('state', d.state)}</Figure><Figure label={t('progress')}>{d.progress ? `${count(d.progress.done)} / ${count(d.progress.of)}` : '–'}</Figure>
        <Figure label={t('failedItems')} tone={d.items.some(i => i.result === 'failed') ? 'bad' : 'plain'}>{d.items.some(i => i.result === 'failed') ? count(d.items.filter(i => i.result === 'failed').length) : <None />}</Figure></div>
      {(ahead(d) || d.reason) && <p class={`notice ${['halted', 'failed', 'partly'].includes(d.state) ? 'bad' : ['paused', 'waiting', 'awaitingApproval'].includes(d.state) ? 'warn' : ''}`}><strong>{known('state', d.state)}</strong> <Next of={d} /></p>}
      <Orders kind={kind} of={d} role={role} load={load} />
      {d.state === 'awaitingApproval' && <Second kind={kind} of={d} role={role} at={at} load={load} />}
      {again && kind === 'rollouts' && <Change wish={{method: 'POST', path: `${path}/${again}`, body: {}, role}} done={() => load.again()} />}
      <Section title={t('items')}><Strip of={d.items} /><Items of={d.items} /></Section>
      {extra}
      <Section title={t('details')}><dl class="facts">
        <div><dt>{t('id')}</dt><dd><Id text={d.id} /></dd></div>{d.of && <div><dt>{t('of')}</dt><dd>{kind === 'cleanups' ? <a href={link('cleanup', '', {bin: 'all'})}>{d.of}</a> : <a href={workLink(kind, d.of)}>{d.of}</a>}</dd></div>}
        <div><dt>{t('approvedBy')}</dt><dd>{d.approvedBy && d.approvedBy.length > 0 ? d.approvedBy.map(b => <div key={b}><Foreign text={b} /></div>) : <None />}</dd></div>
        <div><dt>{t('approved')}</dt><dd>{d.approvedAt ? <Time at={d.approvedAt} /> : <None text={t('notYet')} />}</dd></div><div><dt>{t('started')}</dt><dd>{d.startedAt ? <Time at={d.startedAt} /> : <None text={t('notYet')} />}</dd></div><div><dt>{t('endedAt')}</dt><dd>{d.endedAt ? <Time at={d.endedAt} /> : <None text={t('notYet')} />}</dd></div>
        {d.digest && <div><dt>{t('digest')}</dt><dd class="id">{d.digest}</dd></div>}</dl>
        <Findings of={d.findings} /><Unreads of={d.unknown} /></Section>
    </>}</Read>
  </>
}

const toneOfItem = (i: Item) => i.result === 'applied' || i.result === 'already' ? 'good' : i.result === 'failed' ? 'bad' : i.level ? 'plain' : 'none'

// Strip is every item as a small square, wave by wave: how far it is, at a glance.
const Strip = ({of}: {of: Item[]}) => {
  const waves = [...new Set(of.map(i => i.wave))]
  const legend = (['good', 'plain', 'bad', 'none'] as const).map(tone => [tone, of.filter(i => toneOfItem(i) === tone).length] as const)
  return <>
    {waves.map(w => <div key={String(w)} class="strip" aria-hidden="true">{w !== undefined && <b class="sub">{w === 0 ? t('canary') : t('waveN', {n: w})}</b>}{of.filter(i => i.wave === w).slice(0, 600).map((i, n) => <span key={n} class={toneOfItem(i)} title={`${String(i.name ?? i.instanceId ?? i.imageId ?? '')} ${i.level ?? ''}`} />)}</div>)}
    <p>{legend.map(([tone, n]) => <Badge key={tone} tone={tone === 'none' ? 'plain' : tone}>{t(`strip.${tone}`)}: {count(n)}</Badge>)}</p></>
}

const Items = ({of}: {of: Item[]}) => {
  const all = useSignal(false)
  const order = (i: Item) => i.result === 'failed' ? 0 : i.result === 'open' && i.level ? 1 : i.result === 'open' ? 2 : 3
  const sorted = [...of].sort((a, b) => order(a) - order(b))
  const shown = all.value ? sorted : sorted.slice(0, 100)
  if (of.length === 0) return <None />
  return <><Wide label={t('items')}><table class="cards"><thead><tr>{(['subject', 'result', 'level', 'why', 'since', 'details'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead><tbody>{shown.map((i, n) => {
    const more = Object.entries(i).filter(([k, v]) => !['name', 'instanceId', 'imageId', 'snapshotId', 'family', 'accountId', 'regionId', 'level', 'result', 'reason', 'since', 'wave', 'action'].includes(k) && v !== null && v !== '')
    return <tr key={n}><Cell label={t('subject')} class="first"><Subject of={i} />{typeof i.action === 'string' && <> <State is={i.action} of="action" /></>}</Cell><Cell label={t('result')}><State is={i.result} of="result" /></Cell><Cell label={t('level')}>{i.level ? known('level', i.level) : <None text={t('notBegun')} />}</Cell>
      <Cell label={t('why')}>{i.reason ? <><Said text={i.reason.sentence} /> <code>{i.reason.code}</code></> : null}</Cell><Cell label={t('since')}>{i.since ? <Short at={i.since} /> : null}</Cell>
      <Cell label={t('details')}>{more.length > 0 && <details><summary>{t('details')}</summary>{more.map(([k, v]) => <div key={k}><b>{k}</b>: <Value of={v} /></div>)}</details>}</Cell></tr>
  })}</tbody></table></Wide>{sorted.length > shown.length && <p><button type="button" onClick={() => { all.value = true }}>{t('showAll', {n: count(sorted.length)})}</button></p>}</>
}

// Orders: pause, resume, abort, undo and retry of rollouts; imports and exports are cancelled; cleanups are stopped as a whole.
const Orders = ({kind, of: w, role, load}: {kind: Kind, of: Work, role: Role, load: Load<Work>}) => {
  const reason = useSignal(''), problem = useSignal<Problem | undefined>(undefined), sure = useSignal(''), busy = useSignal(false)
  const order = async (name: string, more: Record<string, unknown> = {}) => {
    busy.value = true
    const path = `/${kind}/${encodeURIComponent(w.id)}`
    problem.value = name === 'cancel' ? await act(path, 'DELETE') : await act(`${path}/${name}`, 'POST', {reason: reason.value.trim() || t('byPage'), ...more})
    busy.value = false
    sure.value = ''
    load.again()
  }
  if (kind === 'cleanups') return null
  const over = ended(w)
  const cancel = (kind === 'imports' || kind === 'exports')
  const own = may(role)
  if (over && cancel || !own && !(kind === 'rollouts' && mayBrake())) return problem.value ? <Failed problem={problem.value} /> : null
  return <form class="filters" onSubmit={e => e.preventDefault()}>
    {!over && !cancel && <Text label={t('reasonOrder')} name="orderReason" value={reason.value} onInput={e => { reason.value = e.currentTarget.value }} maxLength={200} />}
    <p>
      {!over && !cancel && mayBrake() && !['paused', 'aborting', 'halted'].includes(w.state) && <button type="button" class="main" accessKey="p" disabled={busy.value} onClick={() => void order('pause')}>{t('pause')}</button>}
      {!over && !cancel && own && ['paused', 'halted', 'waiting'].includes(w.state) && <button type="button" class="main" accessKey="r" disabled={busy.value} onClick={() => void order('resume')}>{t('resume')}</button>}
      {!over && own && w.state !== 'aborting' && (sure.value === 'abort'
        ? <><b>{t('abortWhat')}</b> <button type="button" class="danger" disabled={busy.value} onClick={() => void order(cancel ? 'cancel' : 'abort')}>{t('abortSure')}</button> <button type="button" onClick={() => { sure.value = '' }}>{t('no')}</button></>
        : <button type="button" onClick={() => { sure.value = 'abort' }}>{cancel ? t('cancel') : t('abort')}</button>)}
      {over && own && kind === 'rollouts' && <><a class="button" href={link('rollouts', w.id, {again: 'undo'})}>{t('undo')}</a>{w.state !== 'finished' && <a class="button" href={link('rollouts', w.id, {again: 'retry'})}>{t('retry')}</a>}</>}
    </p>
    {problem.value && <Failed problem={problem.value} />}
    {problem.value?.code === 'approvalExpired' && w.digest && <p><button type="button" onClick={() => void order('resume', {apply: {digest: w.digest}})}>{t('resumeApprove')}</button></p>}
  </form>
}

// Second lets another person approve what the first has proposed: the same plan, by its digest.
const Second = ({kind, of: w, role, at, load}: {kind: Kind, of: Work, role: Role, at: Route, load: Load<Work>}) => {
  const typed = useSignal(''), problem = useSignal<Problem | undefined>(undefined)
  const n = w.progress?.of ?? w.items.length
  if (!may(role)) return <p class="notice">{t('needsRole', {role: known('role', role)})}</p>
  if (w.approvedBy?.includes(subject.value)) return <p class="notice warn">{t('youProposed')}</p>
  let wish: Record<string, unknown> = {}
  try { wish = JSON.parse(at.query.get('wish') ?? '{}') as Record<string, unknown> } catch { /* none */ }
  const send = async () => { problem.value = await act(`/${kind}`, 'POST', {...wish, apply: {digest: w.digest}}); load.again() }
  return <section class="confirm" aria-label={t('approveAsSecond')}><h2>{t('approveAsSecond')}</h2><p>{t('approveWhat', {n: count(n)})} {w.validUntil && <>{t('until')} {absolute(w.validUntil)} ({relative(w.validUntil)})</>}</p>
    <form onSubmit={e => { e.preventDefault(); if (typed.value.trim() === String(n)) void send() }}><label class="field"><span>{t('typeNumber', {n})}</span><input name="changes" inputMode="numeric" autocomplete="off" value={typed.value} onInput={e => { typed.value = e.currentTarget.value }} /></label>
      <p><button type="submit" class="main" disabled={typed.value.trim() !== String(n)}>{t('approve')}</button></p></form>{problem.value && <><Failed problem={problem.value} /><p>{t('openTheirLink')}</p></>}</section>
}

interface Stopped { stopped?: boolean, reason?: string | Reason, by?: string, at?: string, since?: string }

// Stop is the brake for everything of a kind.
export const Stop = ({kind, role}: {kind: Kind, role: Role}) => {
  const load = useLoad<Stopped>(`/${kind}/stop`, {}, {every: 30_000})
  const reason = useSignal(''), problem = useSignal<Problem | undefined>(undefined), sure = useSignal(false)
  const s = load.state.value
  if (isMissing(s.problem)) return null
  const d = s.data
  const order = async (method: string) => { problem.value = await act(`/${kind}/stop`, method, method === 'PUT' ? {reason: reason.value.trim() || t('byPage')} : undefined); sure.value = false; load.again() }
  return <div class={d?.stopped ? 'notice bad' : 'notice'}>
    {s.problem && <Failed problem={s.problem} again={() => load.again()} />}
    {d === undefined ? s.loading ? <p class="loading">{t('loading')}</p> : <p><span class="unknown">{t('unknown')}</span></p> : d.stopped
      ? <><p><strong>{t('stoppedAll')}</strong> {typeof d.reason === 'string' ? <Foreign text={d.reason} /> : d.reason && <Said text={d.reason.sentence} />} {d.by && <>· <Foreign text={d.by} /></>} {(d.at ?? d.since) && <Time at={d.at ?? d.since} />}</p>{may(role) && <button type="button" onClick={() => void order('DELETE')}>{t('takeStopBack')}</button>}</>
      : <p>{t('notStopped')} {mayBrake() && (sure.value ? <span class="inline"><label class="inline"><span>{t('reason')}</span><input value={reason.value} onInput={e => { reason.value = e.currentTarget.value }} maxLength={200} /></label><button type="button" class="danger" onClick={() => void order('PUT')}>{t('stopAll')}</button><button type="button" onClick={() => { sure.value = false }}>{t('no')}</button></span> : <button type="button" class="small" onClick={() => { sure.value = true }}>{t('stopAll')}</button>)}</p>}
    {problem.value && <Failed problem={problem.value} />}
  </div>
}
