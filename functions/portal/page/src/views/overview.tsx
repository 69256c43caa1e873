// What an engineer wants to know first: what there is, what it costs, what is behind, what runs, and what could not be seen.
import type {Schema} from '../api'
import {count, least} from '../format'
import {useLoad, type Load} from '../load'
import {Figure, Heading, Money, None, Section, Unknown, Unreads, Bars, Failed, type Unread} from '../parts'
import {link, type Route} from '../route'
import {known, t} from '../text'
import {Trend} from '../trend'
import {isMissing, Running} from '../works'

const ago = (days: number): string => {
  const at = new Date(Date.now() - days * 86_400_000)
  at.setUTCHours(0, 0, 0, 0)
  return at.toISOString().replace('.000', '')
}

// Total is how many there are, or that it is not known: a place that could not be read makes every number a least one.
const Total = ({load}: {load: Load<{total?: number, unknown: Unread[]}>}) => {
  const s = load.state.value
  if (s.data?.total === undefined) return s.loading ? <span class="loading">…</span> : <Unknown why={s.problem?.detail} />
  return s.data.unknown.length > 0 ? <span class="unsure">{t('atLeast', {amount: count(s.data.total)})}</span> : <>{count(s.data.total)}</>
}

type Counted = {total?: number, unknown: Unread[]}
const age = {age: 300}

export const Overview = ({at: _}: {at: Route}) => {
  const kinds = [
    ['custom', useLoad<Counted>('/images', {kind: 'custom', limit: 1}, age)],
    ['shared', useLoad<Counted>('/images', {kind: 'shared', limit: 1}, age)],
    ['public', useLoad<Counted>('/images', {kind: 'public', limit: 1}, age)],
  ] as const
  const year = ago(365), quarter = ago(90)
  const old = useLoad<Counted>('/images', {kind: 'custom', createdBefore: quarter, limit: 1}, age)
  const ancient = useLoad<Counted>('/images', {kind: 'custom', createdBefore: year, limit: 1}, age)
  const all = useLoad<Counted>('/instances', {limit: 1}, age)
  const judged = useLoad<Counted>('/instances', {behind: 0, limit: 1}, age)
  const behind = useLoad<Counted>('/instances', {behind: 1, limit: 1}, age)
  const report = useLoad<Schema['PriceReport']>('/prices', {limit: 6}, age)
  const r = report.state.value
  const unread = unique([...kinds.flatMap(([, l]) => l.state.value.data?.unknown ?? []), ...(all.state.value.data?.unknown ?? []), ...(r.data?.unknown ?? [])])
  const silent = [...kinds.map(([, l]) => l), old, all, behind].find(l => l.state.value.problem && !l.state.value.data)
  const total = all.state.value.data?.total, seen = judged.state.value.data?.total
  const late = behind.state.value.data?.total
  return <>
    <Heading text={t('overview')} />
    {silent && <Failed problem={silent.state.value.problem!} again={() => silent.again()} />}
    <Unreads of={unread} />
    <Section title={t('runningWork')}><Running /></Section>
    <div class="tiles">
      {kinds.map(([kind, load]) => <Figure key={kind} label={t(`imagesOf.${kind}`)} href={link('images', '', {kind})}><Total load={load} /></Figure>)}
      <Figure label={t('olderThan90')} href={link('images', '', {kind: 'custom', createdBefore: quarter, sort: 'createdAt'})} ><Total load={old} /></Figure>
      <Figure label={t('olderThanYear')} href={link('images', '', {kind: 'custom', createdBefore: year, sort: 'createdAt'})}><Total load={ancient} /></Figure>
    </div>
    <div class="tiles">
      <Figure label={t('instances')} href={link('fleet')}><Total load={all} /></Figure>
      <Figure label={t('fleetBehind')} href={link('fleet', '', {behind: 1})} tone={behind.state.value.loading && late === undefined ? 'plain' : late === undefined ? 'unknown' : late > 0 ? 'warn' : 'good'}><Total load={behind} /></Figure>
      <Figure label={t('fleetUnjudged')} href={link('fleet')} tone={all.state.value.loading || judged.state.value.loading ? 'plain' : total === undefined || seen === undefined || total > seen ? 'unknown' : 'plain'}>{total === undefined || seen === undefined ? all.state.value.loading || judged.state.value.loading ? '…' : <Unknown /> : total === seen ? <None /> : count(total - seen)}</Figure>
      {r.data ? r.data.totals.map(g => <Figure key={g.currency} label={t('costMonth')} href={link('costs')}><Money of={g.total} /></Figure>) : <Figure label={t('costMonth')} href={link('costs')} tone={r.problem ? 'unknown' : 'plain'}>{r.loading ? '…' : <Unknown why={r.problem?.detail} />}</Figure>}
      {r.data?.unused.map(g => <Figure key={g.currency} label={t('couldBeSaved', {n: count(g.images)})} href={link('cleanup')} tone="plain"><Money of={g.total} /></Figure>)}
    </div>
    <div class="columns">
      <Section title={t('costTrend')}><Trend /></Section>
      <Section title={t('costByFamily')}>{r.data ? <Bars label={t('perMonth')} rows={r.data.families.map(g => ({key: g.key + g.currency, name: g.rest ? <span class="none">{known('group', g.key)}</span> : <a href={link('images', '', {family: g.key})}>{g.key}</a>, value: least(g.total), shown: <Money of={g.total} />}))} />
        : isMissing(r.problem) ? <p class="none">{t('notDeployed')}</p> : r.problem ? <Failed problem={r.problem} again={() => report.again()} /> : <p class="loading">{t('loading')}</p>}</Section>
    </div>
  </>
}

const unique = (all: Unread[]): Unread[] => {
  const seen = new Set<string>()
  return all.filter(u => { const key = [u.accountId, u.regionId, u.code].join(); return seen.has(key) ? false : (seen.add(key), true) })
}
