// Cleanup: what may go and why, what stays and why; keeps, the bin, and the way back.
import {useSignal} from '@preact/signals'
import {ask, Refused, type Problem} from '../api'
import {Change, Value} from '../change'
import {useLoad} from '../load'
import {AsOf, Cell, Failed, Field, Foreign, Heading, None, Read, Section, Text, Time, Unreads, Wide, type Unread} from '../parts'
import {go, link, type Route} from '../route'
import {t} from '../text'
import {Wishes, type Part} from '../wish'
import {isMissing, One, Stop, Works} from '../works'

const parts: Part[] = [{path: 'rules', label: 'byRules', kind: 'flag', options: ['true']}, {path: 'images', label: 'imageIds', kind: 'list', hint: 'm-…'}, {path: 'skipWaits', label: 'skipWaits', kind: 'flag', options: ['true'], more: true}, {path: 'reason', label: 'reason', more: true}, {path: 'region', label: 'region', hint: 'cn-hangzhou', more: true}, {path: 'account', label: 'account', more: true}]

export const Cleanup = ({at}: {at: Route}) => at.id ? <One kind="cleanups" id={at.id} role="reaper" at={at} /> : <>
  <Heading text={t('cleanup')} />
  <Stop kind="cleanups" role="reaper" />
  <Wishes at={at} view="cleanup" title={t('previewCleanup')} path="/cleanups" role="reaper" parts={parts} />
  {!at.query.has('wish') && <p><a class="button" href={link('cleanup', '', {wish: '{"rules":true}'})}>{t('whatWouldGo')}</a></p>}
  <Keep at={at} />
  <Works kind="cleanups" at={at} />
  <Bin at={at} />
</>

// Keep acts at once: it protects, so nobody has to be asked.
const Keep = ({at}: {at: Route}) => {
  const id = useSignal(at.query.get('keep') ?? ''), reason = useSignal(''), until = useSignal('')
  const problem = useSignal<Problem | undefined>(undefined), done = useSignal('')
  const order = async (method: 'PUT' | 'DELETE') => {
    problem.value = undefined
    done.value = ''
    try {
      await ask(`/keeps/${encodeURIComponent(id.value.trim())}`, {method, body: method === 'PUT' ? {reason: reason.value.trim(), until: until.value ? `${until.value}T00:00:00Z` : undefined} : undefined})
      done.value = method === 'PUT' ? t('kept', {id: id.value}) : t('keepGone', {id: id.value})
    } catch (failure) { problem.value = failure instanceof Refused ? failure.problem : {status: 0, code: 'pageDefect', detail: String(failure)} }
  }
  const wrong = (name: string) => problem.value?.field === name ? `${problem.value.detail} (${problem.value.code})` : undefined
  return <Section title={t('keepTitle')}><form onSubmit={e => { e.preventDefault(); void order('PUT') }}><p>{t('keepWhy')}</p><div class="grid">
    <Text label={t('imageId')} name="keepImage" required value={id.value} wrong={wrong('imageId')} placeholder="m-…" onInput={e => { id.value = e.currentTarget.value }} />
    <Text label={t('reason')} name="keepReason" required value={reason.value} wrong={wrong('reason')} maxLength={256} onInput={e => { reason.value = e.currentTarget.value }} />
    <Field label={t('until')} wrong={wrong('until')}><input type="date" name="keepUntil" required value={until.value} onInput={e => { until.value = e.currentTarget.value }} /></Field></div>
    <p class="buttons"><button type="submit" class="main">{t('keepIt')}</button><button type="button" disabled={!id.value.trim()} onClick={() => void order('DELETE')}>{t('keepTakeBack')}</button></p>
    {done.value && <p class="notice good" role="status">{done.value}</p>}{problem.value && <Failed problem={problem.value} />}</form></Section>
}

interface Entry { id: string, [member: string]: unknown }
interface Bins { items: Entry[], nextCursor?: string, unknown?: Unread[], asOf?: string }

const Bin = ({at}: {at: Route}) => {
  const load = useLoad<Bins>('/bin', {cursor: at.query.get('binCursor') ?? undefined})
  const restore = at.query.get('restore')
  if (isMissing(load.state.value.problem)) return null
  const main = ['id', 'imageId', 'name', 'regionId', 'accountId', 'deletedAt', 'purgeAt', 'restorableUntil', 'dueAt']
  return <Section title={t('bin')}><AsOf load={load} at={load.state.value.data?.asOf} /><p>{t('binWhy')}</p>
    {restore && <Change key={restore} wish={{method: 'POST', path: `/bin/${encodeURIComponent(restore)}/restore`, body: {}, role: 'reaper'}} done={() => load.again()} />}
    <Read load={load}>{b => <><Unreads of={b.unknown} />{b.items.length === 0 ? b.unknown && b.unknown.length > 0 ? <span class="unknown">{t('unknown')}</span> : <None text={t('binEmpty')} /> : <Wide label={t('bin')}><table class="cards"><thead><tr>{(['image', 'region', 'deletedAt', 'purgeAt', 'details', 'restore'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead><tbody>
      {b.items.map(e => { const name = String(e.name ?? e.imageId ?? e.id), gone = (e.purgeAt ?? e.restorableUntil ?? e.dueAt) as string | undefined; return <tr key={e.id}><Cell label={t('image')} class="first"><Foreign text={name} /><span class="sub id">{String(e.imageId ?? e.id)}</span></Cell><Cell label={t('region')}>{String(e.regionId ?? '')}</Cell><Cell label={t('deletedAt')}><Time at={e.deletedAt as string | undefined} /></Cell><Cell label={t('purgeAt')}><Time at={gone} /></Cell>
        <Cell label={t('details')}><details><summary>{t('details')}</summary>{Object.entries(e).filter(([k, v]) => !main.includes(k) && v !== null).map(([k, v]) => <div key={k}><b>{k}</b>: <Value of={v} /></div>)}</details></Cell>
        <Cell label={t('restore')}><button type="button" onClick={() => go(link('cleanup', '', {...Object.fromEntries(at.query), restore: e.id}))}>{t('restorePlan')}<span class="hidden"> {name}</span></button></Cell></tr> })}</tbody></table></Wide>}</>}</Read></Section>
}
