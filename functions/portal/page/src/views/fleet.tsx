// Which instances run what, how far behind they are, and until when their system is looked after.
import type {Schema} from '../api'
import {count, money} from '../format'
import {useLoad} from '../load'
import {Announce, AsOf, Badge, Cell, Field, Foreign, Heading, ImageName, None, Read, Short, State, Unknown, Unreads, Wide, Said} from '../parts'
import {go, link, type Route} from '../route'
import {t} from '../text'

type Fleets = Schema['FindFleet']
type Server = Schema['QuotingServer']
const names = ['family', 'image', 'region', 'account', 'id', 'behind', 'tag'] as const

export const Fleet = ({at}: {at: Route}) => {
  const query: Record<string, string | number | undefined> = {limit: 100, cursor: at.query.get('cursor') ?? undefined}
  for (const name of names) {
    const value = at.query.get(name)
    if (!value) continue
    if (name === 'tag') for (const pair of value.split(/\s+/).filter(Boolean)) { const [key = '', ...rest] = pair.split('='); query[`tag.${key}`] = rest.join('=') }
    else query[name] = value.split(/[\s,]+/).filter(Boolean).join(',')
  }
  const load = useLoad<Fleets>('/instances', query, {age: 60})
  const base = Object.fromEntries([...at.query].filter(([n]) => n !== 'cursor' && n !== 'from'))
  const from = Number(at.query.get('from') ?? 0)
  const s = load.state.value
  const wrong = (n: string) => s.problem?.field === n || s.problem?.field?.startsWith(n + '[') ? `${s.problem.detail} (${s.problem.code})` : undefined
  return <>
    <Heading text={t('fleet')}><AsOf load={load} at={s.data?.asOf} /></Heading>
    <form class="filters" key={JSON.stringify(base)} onSubmit={e => { e.preventDefault(); go(link('fleet', '', Object.fromEntries([...new FormData(e.currentTarget)].map(([k, v]) => [k, String(v)])))) }}>
      <div class="grid">
        {(['family', 'image', 'region', 'account', 'id', 'tag'] as const).map(n => <Field key={n} label={t(n === 'id' ? 'instanceIds' : n === 'tag' ? 'tags' : n)} wrong={wrong(n)}><input name={n} value={at.query.get(n) ?? ''} autocomplete="off" spellcheck={false} /></Field>)}
        <Field label={t('behindAtLeast')} wrong={wrong('behind')}><input type="number" min="0" max="10000" name="behind" value={at.query.get('behind') ?? ''} /></Field>
      </div>
      <p><button type="submit" class="main">{t('search')}</button>{names.some(n => at.query.has(n)) && <a href={link('fleet')}>{t('clear')}</a>}{!at.query.has('behind') && <a href={link('fleet', '', {...base, behind: 1})}>{t('onlyBehind')}</a>}</p>
    </form>
    <Announce text={s.data?.total === undefined || s.loading ? '' : t('instancesFound', {n: count(s.data.total)})} />
    <Read load={load}>{f => <>
      <Unreads of={f.unknown} />
      {f.items.length === 0 ? f.unknown.length > 0 ? <p class="notice warn">{t('noneSeenSomeUnread')}</p> : <p class="notice">{t('noInstance')}</p> : <>
        <p class="pages"><span>{f.total === undefined ? t('someOfMany', {from: count(from + 1), to: count(from + f.items.length)}) : t('someOf', {from: count(from + 1), to: count(from + f.items.length), n: count(f.total)})}</span>
          {from > 0 && <a href={link('fleet', '', base)}>{t('firstPage')}</a>}
          {f.nextCursor && <a rel="next" href={link('fleet', '', {...base, cursor: f.nextCursor, from: from + f.items.length})}>{t('nextPage')}</a>}</p>
        <Table of={f.items} /></>}
    </>}</Read>
  </>
}

const Behind = ({of: s}: {of: Server}) => s.behind === null
  ? <span title={s.reasons.map(r => r.sentence).join('; ')}><Badge tone="unknown">{t('unknown')}</Badge></span>
  : s.behind === 0 ? <Badge tone="good">{t('upToDate')}</Badge>
    : <><Badge tone="warn">{t('versionsBehind', {n: s.behind})}</Badge>{s.behindSince && <span class="sub">{t('since')} <Short at={s.behindSince} /></span>}{s.newestImageId && <> → <a href={link('images', s.newestImageId, {region: s.regionId})}>{t('newestImage')}</a></>}</>

const EndOfLife = ({of: s}: {of: Server}) => !s.endOfLife ? <Unknown /> : s.endOfLife.past ? <Badge tone="bad">{t('endedOn', {date: s.endOfLife.date})}</Badge> : <span class="date">{s.endOfLife.date}</span>

const Licence = ({of: s}: {of: Server}) => {
  const l = s.licencePerHour
  if (!l?.amount) return <Unknown why={l?.unknown?.map(u => u.sentence).join('; ')} />
  return Number(l.amount.amount) === 0 ? <None text={t('licence.free')} /> : <>{money(l.amount)}</>
}

const Table = ({of}: {of: Server[]}) => <Wide label={t('fleet')}><table class="cards"><thead><tr>
  {(['instance', 'status', 'image', 'behind', 'endOfLife', 'licenceHour', 'reasons'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead>
  <tbody>{of.map(s => <tr key={s.regionId + s.instanceId}>
    <Cell label={t('instance')} class="first"><Foreign text={s.name || s.instanceId} /><span class="sub id">{s.instanceId}</span><span class="sub"> {s.regionId} · {s.instanceType}</span></Cell>
    <Cell label={t('status')}><State is={s.status} of="status" /></Cell>
    <Cell label={t('image')}>{s.imageSeen ? <><ImageName of={{imageId: s.imageId, regionId: s.regionId, name: s.imageName}} /> {s.imageStatus === 'Deprecated' && <State is="Deprecated" of="status" />}</> : <><span class="id">{s.imageId}</span> <Badge tone="unknown">{t('notSeen')}</Badge></>}</Cell>
    <Cell label={t('behind')}><Behind of={s} /></Cell>
    <Cell label={t('endOfLife')}><EndOfLife of={s} /></Cell>
    <Cell label={t('licenceHour')} class="num"><Licence of={s} /></Cell>
    <Cell label={t('reasons')}>{s.reasons.map((r, n) => <span key={n} class="sub"><Said text={r.sentence} /> </span>)}</Cell>
  </tr>)}</tbody></table></Wide>
