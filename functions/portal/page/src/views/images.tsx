// All images, a page at a time: the server filters and sorts.
import {useSignal} from '@preact/signals'
import {file, type Problem, Refused, type Query, type Schema} from '../api'
import {filters, sorts, type Filter, type Name} from '../filters'
import {count} from '../format'
import {useLoad} from '../load'
import {AsOf, Badge, Cell, Failed, Field, Foreign, Heading, ImageName, Announce, None, Read, Said, Short, State, Tri, Unreads, Wide} from '../parts'
import {go, link, type Route} from '../route'
import {known, t, type Word} from '../text'

type List = Schema['FindList']
type Row = Schema['QuotingRow']

const names = Object.keys(filters) as Name[]
const own = ['sort', 'explain', 'cursor', 'from'] as const

// asked is the query of the API that a link asks for.
const asked = (query: URLSearchParams): Query => {
  const out: Query = {}
  for (const name of names) {
    const value = query.get(name)
    if (!value) continue
    if (filters[name].kind === 'tags') {
      for (const pair of value.split(/\s+/).filter(Boolean)) {
        const [key = '', ...rest] = pair.split('=')
        out[`tag.${key}`] = rest.join('=')
      }
    } else out[name] = filters[name].kind === 'list' ? value.split(/[\s,]+/).filter(Boolean).join(',') : value
  }
  out.sort = query.get('sort') ?? undefined
  out.explain = query.get('explain') ? 'true' : undefined
  out.cursor = query.get('cursor') ?? undefined
  return out
}

// values are those of the form, as a link has them.
const values = (form: HTMLFormElement, sort: string | null): Record<string, string> => {
  const out: Record<string, string> = {}
  const data = new FormData(form)
  for (const name of names) {
    const all = data.getAll(name).map(String).filter(Boolean)
    if (all.length > 0) out[name] = filters[name].kind === 'date' ? `${all[0]}:00Z` : all.join(',')
  }
  if (sort) out.sort = sort
  if (data.get('explain')) out.explain = 'true'
  return out
}

// starts remembers where pages of this query began, so that one can go back.
const starts = new Map<string, string>()

export const Images = ({at}: {at: Route}) => {
  const query = asked(at.query)
  const load = useLoad<List>('/images', query, {age: 60})
  const s = load.state.value
  const base = Object.fromEntries([...at.query].filter(([name]) => name !== 'cursor' && name !== 'from'))
  const from = Number(at.query.get('from') ?? 0)
  const key = (n: number) => JSON.stringify(base) + n
  if (at.query.get('cursor')) starts.set(key(from), at.query.get('cursor')!)
  const total = s.data?.total
  return <>
    <Heading text={t('images')}><AsOf load={load} at={s.data?.asOf} /></Heading>
    <Filters at={at} problem={s.problem} />
    <Announce text={s.loading ? '' : total === undefined ? '' : t('imagesFound', {n: count(total)})} />
    <Read load={load}>{data => <>
      <Unreads of={data.unknown} />
      {data.items.length === 0
        ? data.unknown.length > 0 ? <p class="notice warn">{t('noneSeenSomeUnread')}</p> : <p class="notice">{t('noneMatches')}</p>
        : <>
          <Pages base={base} from={from} data={data} start={n => starts.get(key(n))} />
          <Table rows={data.items} at={at} />
          <Pages base={base} from={from} data={data} start={n => starts.get(key(n))} />
          <Save query={query} />
        </>}
      <PassedOver of={data.passedOver} />
    </>}</Read>
  </>
}

const Pages = ({base, from, data, start}: {base: Record<string, string>, from: number, data: List, start: (n: number) => string | undefined}) => {
  const size = Number(base.limit ?? 50)
  const back = from - size
  return <p class="pages">
    <span>{data.total === undefined ? t('someOfMany', {from: count(from + 1), to: count(from + data.items.length)}) : t('someOf', {from: count(from + 1), to: count(from + data.items.length), n: count(data.total)})}</span>
    {from > 0 && <a href={link('images', '', base)}>{t('firstPage')}</a>}
    {back > 0 && start(back) && <a href={link('images', '', {...base, cursor: start(back), from: back})}>{t('previousPage')}</a>}
    {data.nextCursor && <a href={link('images', '', {...base, cursor: data.nextCursor, from: from + data.items.length})} rel="next">{t('nextPage')}</a>}
  </p>
}

const columns: {word: Word, up?: string, down?: string}[] = [
  {word: 'name', up: 'name', down: '-name'}, {word: 'kind'}, {word: 'family'}, {word: 'region'}, {word: 'status'}, {word: 'system'},
  {word: 'age', up: '-createdAt', down: 'createdAt'}, {word: 'size', up: 'size', down: '-size'}, {word: 'licence'}, {word: 'usageHint'},
]

const Sorts = ({at}: {at: Route}) => {
  const now = at.query.get('sort') ?? '-createdAt'
  const base = Object.fromEntries([...at.query].filter(([name]) => name !== 'cursor' && name !== 'from'))
  return <tr>{columns.map(c => {
    if (!c.up || !c.down) return <th key={c.word} scope="col">{t(c.word)}</th>
    const is = now === c.up ? 'ascending' : now === c.down ? 'descending' : 'none'
    return <th key={c.word} scope="col" aria-sort={is}><a href={link('images', '', {...base, sort: is === 'ascending' ? c.down : c.up})}>{t(c.word)}<span aria-hidden="true">{is === 'ascending' ? ' ▲' : is === 'descending' ? ' ▼' : ' ↕'}</span></a></th>
  })}</tr>
}

const Table = ({rows, at}: {rows: Row[], at: Route}) => <Wide label={t('images')}><table class="cards">
  <thead><Sorts at={at} /></thead>
  <tbody>{rows.map(row => <tr key={row.regionId + row.imageId + row.accountId}>
    <Cell label={t('name')} class="first"><ImageName of={row} />{row.reasons?.some(r => r.code === 'newest') && <Badge tone="good">{t('newest')}</Badge>}{row.sharedOut && <Badge>{t('sharedOut')}</Badge>}{row.published && <Badge tone="warn">{t('published')}</Badge>}</Cell>
    <Cell label={t('kind')}>{known('kind', row.kind)}</Cell>
    <Cell label={t('family')}>{row.imageFamily ? <a href={link('images', '', {family: row.imageFamily})}><Foreign text={row.imageFamily} /></a> : <None />}</Cell>
    <Cell label={t('region')}>{row.regionId}</Cell>
    <Cell label={t('status')}><State is={row.status} of="status" />{row.usable === false && <Badge tone="bad">{t('notUsable')}</Badge>}{row.usable === null && row.status === 'Available' && <Badge tone="unknown">{t('usableUnknown')}</Badge>}</Cell>
    <Cell label={t('system')}>{row.osName ? <Foreign text={row.osName} /> : known('os', row.osType)} <span class="sub">{row.architecture}</span></Cell>
    <Cell label={t('age')}><Short at={row.createdAt} /></Cell>
    <Cell label={t('size')} class="num">{row.sizeGiB} GiB</Cell>
    <Cell label={t('licence')}>{row.licence === 'unknown' ? <span class="unknown">{t('unknown')}</span> : known('licence', row.licence)}</Cell>
    <Cell label={t('usageHint')}>{row.usage ? known('usage', row.usage) : <Tri is={null} />}</Cell>
  </tr>)}</tbody></table></Wide>

const PassedOver = ({of}: {of?: Schema['FindPassedOver'] | null}) => of && of.count > 0
  ? <details class="notice"><summary>{t('passedOver', {n: count(of.count)})}</summary>
    <ul class="reasons">{of.reasons.map(r => <li key={r.code}><code>{r.code}</code>: {count(r.count)}</li>)}</ul>
    <ul class="reasons">{of.examples.map(e => <li key={e.imageId}><ImageName of={e} /> {e.reasons?.map(r => <span key={r.code}> · <Said text={r.sentence} /></span>)}</li>)}</ul></details>
  : null

const Control = ({name, filter, value, wrong}: {name: Name, filter: Filter, value: string, wrong?: string}) => {
  const label = t(filter.label)
  const show = (o: string) => filter.words ? known(filter.words, o) : o
  switch (filter.kind) {
    case 'several': {
      const set = value.split(',')
      return <fieldset class={wrong ? 'field wrong' : 'field'}><legend>{label}</legend><span class="checks">{filter.options!.map(o =>
        <label key={o}><input type="checkbox" name={name} value={o} checked={set.includes(o)} />{show(o)}</label>)}</span>{wrong && <em role="alert">{wrong}</em>}</fieldset>
    }
    case 'choice': case 'flag':
      return <Field label={label} wrong={wrong}><select name={name}><option value="">{t('any')}</option>{filter.options!.map(o => <option key={o} value={o} selected={o === value}>{show(o)}</option>)}</select></Field>
    case 'date':
      return <Field label={`${label} (UTC)`} wrong={wrong}><input type="datetime-local" name={name} value={value.replace(/(:00)?Z$/, '')} /></Field>
    case 'number':
      return <Field label={label} wrong={wrong}><input type="number" min="1" max="1000" name={name} value={value} placeholder={filter.hint} /></Field>
    default:
      return <Field label={label} wrong={wrong}><input name={name} value={value} placeholder={filter.hint} autocomplete="off" spellcheck={false} /></Field>
  }
}

const Filters = ({at, problem}: {at: Route, problem?: Problem}) => {
  const sort = at.query.get('sort')
  const submit = (form: HTMLFormElement) => go(link('images', '', values(form, sort)))
  const wrongOf = (name: string): string | undefined => {
    const all = problem?.errors ?? (problem?.field ? [{field: problem.field, detail: problem.detail, code: problem.code}] : [])
    const found = all.find(e => e.field === name || e.field.startsWith(name + '[') || e.field.startsWith(name + '.'))
    return found && `${found.detail} (${found.code})`
  }
  const rest = names.filter(n => !filters[n].main)
  const more = rest.some(n => at.query.has(n)) || at.query.has('explain')
  const control = (n: Name) => <Control key={n} name={n} filter={filters[n]} value={at.query.get(n) ?? ''} wrong={wrongOf(n)} />
  const set = names.some(n => at.query.has(n))
  return <form class="filters" key={[...at.query].filter(([n]) => !(own as readonly string[]).includes(n)).join()} onSubmit={e => { e.preventDefault(); submit(e.currentTarget) }}
    onChange={e => { if (!(e.target instanceof HTMLInputElement) || e.target.type === 'checkbox') submit(e.currentTarget) }}>
    <div class="grid">{names.filter(n => filters[n].main).map(control)}</div>
    <details open={more}><summary>{t('moreFilters')}</summary><div class="grid">{rest.map(control)}
      <label class="check"><input type="checkbox" name="explain" value="true" checked={at.query.has('explain')} />{t('explain')}</label></div></details>
    <p><button type="submit" class="main">{t('search')}</button>{(set || sort) && <a href={link('images')}>{t('clear')}</a>}
      <label class="inline"><span>{t('sortBy')}</span><select value={sort ?? '-createdAt'} onChange={e => { e.stopPropagation(); go(link('images', '', values(e.currentTarget.form!, e.currentTarget.value))) }}>
        {sorts.map(o => <option key={o} value={o} selected={o === (sort ?? '-createdAt')}>{known('sort', o)}</option>)}</select></label></p>
  </form>
}

// Save offers the whole list as a file; the API makes it, and keeps spreadsheets from taking a name for a formula.
const Save = ({query}: {query: Query}) => {
  const failed = useSignal<Problem | undefined>(undefined)
  const save = async (format: string) => {
    failed.value = undefined
    try {
      const blob = await file('/images', {query: {...query, cursor: undefined, explain: undefined, limit: 1000, format}})
      const a = document.createElement('a')
      a.href = URL.createObjectURL(blob)
      a.download = `images.${format}`
      a.click()
      setTimeout(() => URL.revokeObjectURL(a.href), 10_000)
    } catch (reason) { if (reason instanceof Refused) failed.value = reason.problem }
  }
  return <p>{t('saveAs')} <button type="button" class="small" onClick={() => void save('csv')}>CSV</button> <button type="button" class="small" onClick={() => void save('ndjson')}>NDJSON</button> <span class="sub">{t('saveLimit')}</span>
    {failed.value && <Failed problem={failed.value} />}</p>
}
