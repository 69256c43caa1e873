// Who may use which image: all that are shared, and one, whose list can be edited.
import {useSignal} from '@preact/signals'
import {useEffect} from 'preact/hooks'
import type {Schema} from '../api'
import {Change} from '../change'
import {count} from '../format'
import {useLoad} from '../load'
import {AsOf, Badge, Cell, Field, Foreign, Heading, ImageName, None, Read, Said, State, Text, Time, Unreads, Wide, Section} from '../parts'
import {go, link, type Route} from '../route'
import {may} from '../session'
import {known, t} from '../text'

export const Shares = ({at}: {at: Route}) => at.id ? <One at={at} /> : <All at={at} />

const All = ({at}: {at: Route}) => {
  const load = useLoad<Schema['FindList']>('/images', {kind: 'custom', limit: 500, cursor: at.query.get('cursor') ?? undefined}, {age: 60})
  const text = useSignal('')
  return <>
    <Heading text={t('shares')}><AsOf load={load} at={load.state.value.data?.asOf} /></Heading>
    <form class="filters" onSubmit={e => { e.preventDefault(); if (text.value.trim()) go(link('shares', text.value.trim())) }}><Text label={t('imageId')} value={text.value} placeholder="m-…" onInput={e => { text.value = e.currentTarget.value }} /><p><button type="submit" class="main">{t('open')}</button></p></form>
    <Read load={load}>{l => {
      const shared = l.items.filter(i => i.sharedOut || i.published), unsure = l.items.filter(i => i.sharedOut === null && !i.published)
      return <><Unreads of={l.unknown} />
        <p>{t('sharedOfSeen', {n: count(shared.length), of: count(l.items.length)})}{unsure.length > 0 && <> · <span class="unknown">{t('sharedUnknown', {n: count(unsure.length)})}</span></>}</p>
        {shared.length === 0 ? <p class="notice">{t('nothingShared')}</p> : <Wide label={t('shares')}><table class="cards"><thead><tr>{(['name', 'region', 'status', 'shares'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead><tbody>
          {shared.map(i => <tr key={i.regionId + i.imageId}><Cell label={t('name')} class="first"><ImageName of={i} />{i.published && <Badge tone="warn">{t('published')}</Badge>}</Cell><Cell label={t('region')}>{i.regionId}</Cell><Cell label={t('status')}><State is={i.status} of="status" /></Cell>
            <Cell label={t('shares')}><a href={link('shares', i.imageId, {region: i.regionId, account: i.accountId})}>{t('whoMayUseIt')}<span class="hidden"> {i.name}</span></a></Cell></tr>)}</tbody></table></Wide>}
        {l.nextCursor && <p class="pages"><a href={link('shares', '', {cursor: l.nextCursor})}>{t('nextPage')}</a></p>}</>
    }}</Read>
  </>
}

type Grant = Schema['SharingShare']
interface Terms { accountId: string, until?: string, onExpiry?: string, reason?: string }
interface Edit { add: Terms[], remove: string[], evenIfUsed?: string[] }

// A wish is in the link, so that a second person, or the same one after a reload, has the same.
const read = (query: URLSearchParams): Edit => {
  try {
    const e = JSON.parse(query.get('wish') ?? '{}') as Partial<Edit>
    return {add: Array.isArray(e.add) ? e.add : [], remove: Array.isArray(e.remove) ? e.remove : [], ...(Array.isArray(e.evenIfUsed) ? {evenIfUsed: e.evenIfUsed} : {})}
  } catch { return {add: [], remove: []} }
}

// bare is a wish as the API takes it: what is empty is left out.
const bare = (wish: Edit): Record<string, unknown> => Object.fromEntries(Object.entries(wish).filter(([, list]) => Array.isArray(list) && list.length > 0))

const One = ({at}: {at: Route}) => {
  const place = {region: at.query.get('region') ?? undefined, account: at.query.get('account') ?? undefined}
  const path = `/shares/${encodeURIComponent(at.id)}`
  const load = useLoad<Schema['Shares']>(path, {...place, history: 'true'})
  const wish = read(at.query)
  const asked = wish.add.length + wish.remove.length > 0
  const s = load.state.value.data
  return <>
    <Heading text={t('sharesOf', {name: s?.name || at.id})}><AsOf load={load} at={s?.asOf} /></Heading>
    <p><a href={link('images', at.id, place)}>{t('seeImage')}</a></p>
    <Read load={load}>{d => <>
      {d.proposed && <div class="notice warn"><p><strong>{t('waitsForSecond')}</strong> <State is={d.proposed.state} /></p><p>{t('proposedBy')} {d.proposed.approvedBy.map(b => <Foreign key={b} text={b} />)} · <Time at={d.proposed.approvedAt} /> · {t('until')} <Time at={d.proposed.validUntil} /> · {t('digest')} <code>{d.proposed.digest.slice(0, 12)}…</code></p>{!asked && <p>{t('openTheirLink')}</p>}</div>}
      {d.unfinished && <p class="notice warn">{t('unfinished')} <Time at={d.unfinished.approvedAt} /></p>}
      {d.community && <p><Badge tone="warn">{t('published')}</Badge> {t('communityHow')}</p>}
      <Editor at={at} of={d.accounts} wish={wish} />
    </>}</Read>
    {asked && <Change wish={{method: 'PATCH', path, query: place, body: bare(wish), role: 'operator'}} invite={link('shares', at.id, {...place, wish: at.query.get('wish') ?? undefined})} done={() => load.again()} />}
    {s && <Section title={t('history')}>{!s.history || s.history.length === 0 ? <None /> : <ul class="reasons">{[...s.history].reverse().slice(0, 50).map((h, n) => <li key={n}><Time at={h.at} /> {known('event', h.kind)}: <Said text={h.sentence} />{h.by && <> · <Foreign text={h.by} /></>}</li>)}</ul>}
      {s.gone.length > 0 && <><h3>{t('goneOutside')}</h3><ul class="reasons">{s.gone.map(g => <li key={g.accountId}>{g.accountId} · <Time at={g.recordedAt} /></li>)}</ul></>}</Section>}
  </>
}

const Editor = ({at, of, wish}: {at: Route, of: Grant[], wish: Edit}) => {
  const remove = useSignal(new Set(wish.remove))
  const add = useSignal<Terms[]>(wish.add)
  const even = useSignal((wish.evenIfUsed ?? []).length > 0)
  const account = useSignal(''), until = useSignal(''), reason = useSignal(''), wrong = useSignal('')
  useEffect(() => { remove.value = new Set(wish.remove); add.value = wish.add }, [JSON.stringify(wish)])
  const editable = may('operator')
  const put = () => {
    if (!/^\d{1,20}$/.test(account.value.trim())) { wrong.value = t('accountIsNumber'); return }
    wrong.value = ''
    add.value = [...add.value.filter(a => a.accountId !== account.value.trim()), {accountId: account.value.trim(), ...(until.value ? {until: `${until.value}:00Z`, onExpiry: 'removeIfUnused'} : {}), ...(reason.value ? {reason: reason.value} : {})}]
    account.value = until.value = reason.value = ''
  }
  const plan = () => {
    if (account.value.trim()) { put(); if (wrong.value) return }
    const gone = [...remove.value]
    const next: Edit = {add: add.value, remove: gone, ...(even.value && gone.length > 0 ? {evenIfUsed: gone} : {})}
    go(link('shares', at.id, {...Object.fromEntries(at.query), wish: next.add.length + next.remove.length > 0 ? JSON.stringify(next) : undefined}))
  }
  return <form class="filters" onSubmit={e => { e.preventDefault(); plan() }}>
    {of.length === 0 ? <p>{t('sharedWithNobody')}</p> : <Wide label={t('accounts')}><table class="cards"><thead><tr>{(['account', 'since', 'until', 'reason', 'origin'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}{editable && <th scope="col">{t('takeAway')}</th>}</tr></thead><tbody>
      {of.map(g => <tr key={g.accountId}><Cell label={t('account')} class="first">{g.accountId}</Cell><Cell label={t('since')}>{g.sharedAt ? <Time at={g.sharedAt} /> : <Time at={g.recordedAt} />}</Cell><Cell label={t('until')}>{g.until ? <><Time at={g.until} /> {g.onExpiry && <span class="sub">{known('expiry', g.onExpiry)}</span>}</> : <None text={t('noEnd')} />}</Cell>
        <Cell label={t('reason')}>{g.reason ? <Foreign text={g.reason} /> : <None />}</Cell><Cell label={t('origin')}>{known('origin', g.origin)}</Cell>
        {editable && <Cell label={t('takeAway')}><label><input type="checkbox" checked={remove.value.has(g.accountId)} onChange={e => { const next = new Set(remove.value); if (e.currentTarget.checked) next.add(g.accountId); else next.delete(g.accountId); remove.value = next }} /><span class="hidden">{t('takeAway')} {g.accountId}</span></label></Cell>}</tr>)}</tbody></table></Wide>}
    {editable && <>
      {add.value.length > 0 && <ul>{add.value.map(a => <li key={a.accountId}><Badge tone="good">+</Badge>{a.accountId}{a.until && <> · {t('until')} <Time at={a.until} /></>}{a.reason && <> · <Foreign text={a.reason} /></>} <button type="button" class="small" onClick={() => { add.value = add.value.filter(o => o !== a) }}>{t('dropThis')}<span class="hidden"> {a.accountId}</span></button></li>)}</ul>}
      <fieldset class="field"><legend>{t('addAccount')}</legend><div class="grid">
        <Text label={t('account')} name="accountId" value={account.value} wrong={wrong.value || undefined} placeholder="1234567890123456" inputMode="numeric" onInput={e => { account.value = e.currentTarget.value }} />
        <Field label={`${t('until')} (UTC)`}><input type="datetime-local" name="until" value={until.value} onInput={e => { until.value = e.currentTarget.value }} /></Field>
        <Text label={t('reason')} name="reason" value={reason.value} maxLength={256} onInput={e => { reason.value = e.currentTarget.value }} />
      </div><p><button type="button" onClick={put}>{t('addToList')}</button></p></fieldset>
      {remove.value.size > 0 && <label class="check"><input type="checkbox" checked={even.value} onChange={e => { even.value = e.currentTarget.checked }} />{t('evenIfUsed')}</label>}
      <p><button type="submit" class="main">{t('showPlan')}</button>{wish.add.length + wish.remove.length > 0 && <a href={link('shares', at.id, Object.fromEntries([...at.query].filter(([n]) => n !== 'wish')))}>{t('discard')}</a>}</p>
    </>}
  </form>
}
