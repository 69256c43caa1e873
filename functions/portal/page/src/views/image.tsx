// One image: what it is, whether it is the one to use, who needs it, where it comes from, what it costs, who may use it, how to use it.
import type {ComponentChildren} from 'preact'
import type {Quote, Schema} from '../api'
import {money} from '../format'
import {useLoad} from '../load'
import {AsOf, Badge, Copy, Facts, Foreign, Heading, Id, ImageName, None, Read, Reasons, Said, Section, Short, State, Time, Tri, Unknown, Unreads} from '../parts'
import {link, imageLink, type Route} from '../route'
import {known, t} from '../text'
import {Wishes, type Part} from '../wish'

type Detail = Schema['FindDetail']
const attributes: Part[] = [
  {path: 'name', label: 'name', hint: 'web-base-20261129'}, {path: 'description', label: 'description'}, {path: 'deprecated', label: 'deprecated', kind: 'flag'}, {path: 'bootMode', label: 'bootMode', kind: 'choice', options: ['BIOS', 'UEFI', 'UEFI-Preferred']},
  {path: 'tags', label: 'tags', kind: 'pairs', hint: 'team=web'}, {path: 'untag', label: 'untag', kind: 'list', hint: 'team'}, {path: 'resourceGroupId', label: 'resourceGroup', hint: 'rg-…'},
]

type Place = {region?: string, account?: string}

export const Image = ({at}: {at: Route}) => {
  const place: Place = {region: at.query.get('region') ?? undefined, account: at.query.get('account') ?? undefined}
  const path = `/images/${encodeURIComponent(at.id)}`
  const load = useLoad<Detail>(path, {...place}, {age: 60})
  const found = load.state.value.data
  return <>
    <Heading text={found ? found.name || at.id : at.id}><AsOf load={load} at={found?.asOf} /></Heading>
    <Read load={load}>{d => <>
      <Unreads of={d.unknown} />
      {d.ambiguous && <div class="notice warn"><p>{t('elsewhereToo')}</p><ul>{d.elsewhere.map(e => <li key={e.regionId + e.accountId}><a href={imageLink(e)}>{e.regionId} · {e.accountId}</a></li>)}</ul></div>}
      {d.health.length > 0 && <div class={d.health.some(h => h.level === 'fatal') ? 'notice bad' : 'notice warn'}><ul class="reasons">{d.health.map((h, n) => <li key={n}><State is={h.level} of="level" /> <Said text={h.sentence} /> <code>{h.code}</code>{h.fix && <> — <Said text={h.fix} /></>}</li>)}</ul></div>}
      <What of={d} />
      <div class="columns">
        <Choice of={d} />
        <Usage path={path} place={place} />
        <Lineage path={path} place={place} of={d} />
        <Price of={d} />
        {d.kind === 'custom' && <SharedWith of={d} />}
      </div>
      <Use of={d} />
    </>}</Read>
    {found?.kind === 'custom' && <Wishes at={at} view="images" title={t('editAttributes')} path={`/attributes/${encodeURIComponent(at.id)}`} query={{region: found.regionId, account: found.accountId}} method="PATCH" role="operator" parts={attributes} done={() => load.again()} />}
  </>
}

const What = ({of: d}: {of: Detail}) => {
  const facts: [string, ComponentChildren][] = [
    [t('imageId'), <Id text={d.imageId} />], [t('kind'), known('kind', d.kind)], [t('status'), <><State is={d.status} of="status" />{d.progress < 100 && `${d.progress} %`}</>], [t('usable'), <Tri is={d.usable} />],
    [t('region'), d.regionId], [t('account'), d.accountId], [t('owner'), d.ownerId ? d.ownerId : <Unknown />],
    [t('family'), d.imageFamily ? <a href={link('images', '', {family: d.imageFamily})}><Foreign text={d.imageFamily} /></a> : <None />],
    [t('age'), <Time at={d.createdAt} />], [t('system'), d.osName ? <Foreign text={d.osName} /> : known('os', d.osType)], [t('architecture'), d.architecture], [t('bootMode'), d.bootMode ?? <Unknown />],
    [t('size'), `${d.sizeGiB} GiB`], [t('dataDisks'), d.dataDisks === 0 ? <None /> : String(d.dataDisks)], [t('encrypted'), <Tri is={d.encrypted} />], [t('licence'), d.licence === 'unknown' ? <Unknown /> : known('licence', d.licence)],
    [t('sharedOut'), <Tri is={d.sharedOut} />], [t('published'), <Tri is={d.published} />],
  ]
  return <Section title={t('whatItIs')}>
    {d.description && <p><Foreign text={d.description} /></p>}
    <Facts of={facts} />
    <h3>{t('tags')}</h3>
    {Object.keys(d.tags).length === 0 ? <None /> : <p>{Object.entries(d.tags).sort().map(([key, value]) => <Badge key={key}><Foreign text={value ? `${key}=${value}` : key} /></Badge>)}</p>}
    {d.licenceReasons.length > 0 && <><h3>{t('licence')}</h3><Reasons of={d.licenceReasons} /></>}
  </Section>
}

// Choice says whether this is the image to use, and why or why not: the same list that others choose by.
const Choice = ({of: d}: {of: Detail}) => {
  const family = d.imageFamily
  const load = useLoad<Schema['FindList']>('/images', family
    ? {family, region: d.regionId, account: d.accountId, arch: d.architecture, limit: 1, explain: 'true'}
    : {id: d.imageId, region: d.regionId, account: d.accountId, limit: 1, explain: 'true'}, {age: 60})
  const single = useLoad<Schema['FindList']>('/images', {id: d.imageId, region: d.regionId, account: d.accountId, limit: 1, explain: 'true'}, {age: 60, off: !family})
  return <Section title={t('oneToUse')}><Read load={load}>{list => {
    const first = list.items[0]
    const mine = first?.imageId === d.imageId ? first : undefined
    const passed = list.passedOver?.examples.find(e => e.imageId === d.imageId) ?? single.state.value.data?.passedOver?.examples.find(e => e.imageId === d.imageId)
    if (!family) return <><p><Badge>{t('noFamily')}</Badge> {t('noFamilyWhy')}</p><Reasons of={mine?.reasons?.filter(r => r.code !== 'newest') ?? passed?.reasons} /></>
    if (mine) return <><p><Badge tone="good">{t('yesUse')}</Badge></p><Reasons of={mine.reasons} /></>
    return <><p><Badge tone="warn">{t('noUse')}</Badge> {first ? <>{t('useInstead')} <ImageName of={first} /> (<Short at={first.createdAt} />)</> : list.unknown.length > 0 ? <Unknown /> : t('noneFits')}</p>
      <Reasons of={passed?.reasons ?? single.state.value.data?.items[0]?.reasons?.filter(r => r.code !== 'newest')} /></>
  }}</Read></Section>
}

export const Usage = ({path, place}: {path: string, place: Place}) => {
  const load = useLoad<Schema['FindUsers']>(`${path}/usage`, {...place}, {age: 60})
  return <Section title={t('usage')}><Read load={load}>{u => <>
    <p><State is={u.verdict} of="verdict" /></p><Reasons of={u.reasons} />
    {u.causes.length > 0 && <><h3>{t('whyUnknown')}</h3><ul class="reasons">{u.causes.map((c, n) => <li key={n}><Said text={c.sentence} /> <code>{c.code}</code>{c.permission && <> · {t('permission')} <code>{c.permission}</code></>}</li>)}</ul></>}
    {u.consumers.map(c => <details key={c.accountId} open={c.uses.length > 0 && c.uses.length < 8}><summary>{c.accountId} · <State is={c.verdict} of="verdict" /> {c.uses.length > 0 && c.uses.length}</summary>
      {c.uses.length > 0 ? <ul class="reasons">{c.uses.slice(0, 50).map((use, n) => <li key={n}>{known('use', use.kind)} <span class="id">{use.id}</span> {use.name && <Foreign text={use.name} />} · {use.regionId}: <Said text={use.sentence} /></li>)}{c.uses.length > 50 && <li>{t('andMore', {n: c.uses.length - 50})}</li>}</ul> : <Reasons of={c.reasons} />}</details>)}
    <Unreads of={u.unknown} />
  </>}</Read></Section>
}

const Lineage = ({path, place, of: d}: {path: string, place: Place, of: Detail}) => {
  const load = useLoad<Schema['FindAncestry']>(`${path}/lineage`, {...place}, {age: 60})
  return <Section title={t('lineage')}><Read load={load}>{l => {
    const up = chain(l.parents, d.imageId)
    return <>
      <h3>{t('comesFrom')}</h3>
      <p>{known('source', l.source.kind)}: <Said text={l.source.sentence} /> <code>{l.source.code}</code>{l.source.cure && <> — <Said text={l.source.cure} /></>}</p>
      {up.length > 0 && <ul class="tree">{up.map(k => <li key={k.parent.imageId + k.parent.regionId}><Relative of={k.parent} link={k} /></li>)}</ul>}
      <h3>{t('madeFromIt')}</h3>
      {l.children.length === 0 ? l.unknown.length > 0 ? <Unknown /> : <None /> : <Below all={l.children} of={d.imageId + d.regionId} first={l.children} />}
      {l.conflicts.length > 0 && <div class="notice warn"><Reasons of={l.conflicts} /></div>}
      <Unreads of={l.unknown} />
    </>
  }}</Read></Section>
}

type Link = Schema['LineageLinkTold']
// chain are the links upwards, the nearest first.
const chain = (links: Link[], from: string): Link[] => {
  const out: Link[] = []
  let at = from
  while (out.length < links.length) {
    const next = links.find(k => k.child.imageId === at && !out.includes(k))
    if (!next) break
    out.push(next)
    at = next.parent.imageId
  }
  return [...out, ...links.filter(k => !out.includes(k))]
}

const Relative = ({of: r, link: k}: {of: Schema['LineageRelative'], link: Link}) => <>{r.seen ? <ImageName of={r} /> : <><span class="id">{r.imageId}</span> <Badge tone="unknown">{t('notSeen')}</Badge></>} <span class="sub">{r.regionId} · {known('certainty', k.certainty)} · <Said text={k.sentence} /></span></>

// Below are the images made from one, and those made from them, indented.
const Below = ({all, of, first}: {all: Link[], of: string, first?: Link[]}) => {
  const mine = all.filter(k => k.parent.imageId + k.parent.regionId === of)
  const shown = mine.length > 0 ? mine : first ?? []
  if (shown.length === 0) return null
  return <ul class="tree">{shown.slice(0, 100).map(k => <li key={k.child.imageId + k.child.regionId}><Relative of={k.child} link={k} />
    {k.child.imageId + k.child.regionId !== of && <Below all={all.filter(o => o !== k)} of={k.child.imageId + k.child.regionId} />}</li>)}{shown.length > 100 && <li>{t('andMore', {n: shown.length - 100})}</li>}</ul>
}

const Price = ({of: d}: {of: Detail}) => {
  const load = useLoad<Quote>(`/prices/${encodeURIComponent(d.imageId)}`, {region: d.regionId, account: d.accountId, holding: 'true'}, {age: 300})
  return <Section title={t('priceMonth')}><Read load={load}>{q => <>
    <p class="total">{q.total ? <b>{money(q.total)}</b> : q.lower ? <b>{money(q.lower)} – {q.upper ? money(q.upper) : <Unknown />}</b> : <><Unknown /> {t('knownOfIt', {amount: money(q.known)})}</>}</p>
    <p><Said text={q.rule.sentence} /> <code>{q.rule.code}</code> <span class="sub">{known('sure', q.rule.sure)}</span></p>
    {q.missing && q.missing.length > 0 && <Reasons of={q.missing} />}
    <table><thead><tr><th scope="col">{t('line')}</th><th scope="col" class="num">{t('amount')}</th></tr></thead><tbody>{q.lines.map((l, n) => <tr key={n}><td>{known('item', l.item)}<span class="sub"> {l.subject && <Foreign text={l.subject} />} {l.quantity && l.unit && `${trim(l.quantity)} ${l.unit}`}{l.rate && ` × ${money(l.rate)}`} · {known('payer', l.payer)}</span>{l.unknown && <Reasons of={l.unknown} />}</td>
      <td class="num">{l.amount ? money(l.amount) : l.lower ? `${money(l.lower)} – ${l.upper ? money(l.upper) : t('unknown')}` : <Unknown />}</td></tr>)}</tbody></table>
    {q.findings?.map((f, n) => <p key={n} class={f.fatal ? 'notice bad' : 'notice warn'}><Said text={f.sentence} /> <code>{f.code}</code></p>)}
    {q.notes && q.notes.length > 0 && <details><summary>{t('notes')}</summary><Reasons of={q.notes} /></details>}
  </>}</Read></Section>
}

const trim = (quantity: string): string => quantity.replace(/(\.\d{3})\d+$/, '$1')

const SharedWith = ({of: d}: {of: Detail}) => {
  const load = useLoad<Schema['Shares']>(`/shares/${encodeURIComponent(d.imageId)}`, {region: d.regionId, account: d.accountId})
  return <Section title={t('shares')}><Read load={load}>{s => <>
    {s.proposed && <p><State is={s.proposed.state} /></p>}
    {s.community && <p><Badge tone="warn">{t('published')}</Badge></p>}
    {s.accounts.length === 0 ? <p>{t('sharedWithNobody')}</p> : <ul>{s.accounts.map(a => <li key={a.accountId}>{a.accountId}{a.until && <> · {t('until')} <Time at={a.until} /></>}{a.reason && <> · <Foreign text={a.reason} /></>}</li>)}</ul>}
    <p><a href={link('shares', d.imageId, {region: d.regionId, account: d.accountId})}>{t('editShares')}</a></p>
  </>}</Read></Section>
}

const Use = ({of: d}: {of: Detail}) => d.use.length === 0 ? null : <Section title={t('useIt')}>{d.use.map((u, n) => <div key={n}>
  <h3>{u.tool} — <Said text={u.does} /> <Copy text={u.text} what={`${u.tool}: ${u.does}`} /></h3><pre tabIndex={0} aria-label={`${u.tool}: ${u.does}`}>{u.text}</pre></div>)}</Section>
