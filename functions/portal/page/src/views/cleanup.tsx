// Cleanup: what may go and why, what stays and why; keeps, the bin, and the way back.
import {useSignal} from '@preact/signals'
import {ask, Refused, type Problem, type Schema} from '../api'
import {useLoad} from '../load'
import {AsOf, Cell, Choice, Failed, Field, Foreign, Heading, ImageName, None, Read, Section, State, Text, Time, Unreads, Wide, type Unread} from '../parts'
import {go, link, type Route} from '../route'
import {t} from '../text'
import {Wishes, type Part} from '../wish'
import {isMissing, One, Stop, Works} from '../works'

const parts: Part[] = [{path: 'rules', label: 'byRules', kind: 'flag', options: ['true']}, {path: 'images', label: 'imageIds', kind: 'list', hint: 'm-…'}, {path: 'skipWaits', label: 'skipWaits', kind: 'flag', options: ['true'], more: true}, {path: 'reason', label: 'reason', more: true}, {path: 'region', label: 'region', hint: 'cn-hangzhou', more: true}, {path: 'account', label: 'account', more: true}]

export const Cleanup = ({at}: {at: Route}) => at.id ? <One kind="cleanups" id={at.id} role="reaper" at={at} /> : <>
  <Heading text={t('cleanup')} />
  <Stop kind="cleanups" role="reaper" />
  {at.query.get('restore') ? <Restore at={at} id={at.query.get('restore')!} /> : <Wishes at={at} view="cleanup" title={t('previewCleanup')} path="/cleanups" role="reaper" parts={parts} />}
  {!at.query.has('wish') && <p><a class="button" href={link('cleanup', '', {wish: '{"rules":true}'})}>{t('whatWouldGo')}</a></p>}
  <Keep key={at.query.get('keep') ?? ''} at={at} />
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
      await ask(`/keeps/${encodeURIComponent(id.value.trim())}`, {method, query: {region: at.query.get('keepRegion') ?? undefined}, body: method === 'PUT' ? {reason: reason.value.trim(), until: until.value ? `${until.value}T00:00:00Z` : undefined} : undefined})
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

const restoring: Part[] = [{path: 'family', label: 'restoreFamily', kind: 'flag', options: ['true']}, {path: 'shares', label: 'restoreShares', kind: 'flag', options: ['true']}, {path: 'region', label: 'region', hint: 'cn-hangzhou', more: true}]

const Restore = ({at, id}: {at: Route, id: string}) => <Section title={t('restoreOf', {id})}><Wishes at={at} view="cleanup" title={t('restore')} path={`/bin/${encodeURIComponent(id)}/restore`} role="reaper" parts={restoring} /></Section>

type Bins = Schema['CleanupBin'] & {nextCursor?: string, unknown?: Unread[]}

const Bin = ({at}: {at: Route}) => {
  const state = at.query.get('bin') ?? ''
  const load = useLoad<Bins>('/bin', {state, cursor: at.query.get('binCursor') ?? undefined})
  if (isMissing(load.state.value.problem)) return null
  return <Section title={t('bin')}><div class="buttons"><Choice label={t('stateIs')} value={state} options={['restored', 'purged', 'all']} any="bin.inBin" word="bin" onChange={v => go(link('cleanup', '', {bin: v}))} /><AsOf load={load} /></div><p>{t('binWhy')}</p>
    <Read load={load}>{b => <><Unreads of={b.unknown} />{b.items.length === 0 ? b.unknown && b.unknown.length > 0 ? <span class="unknown">{t('unknown')}</span> : <None text={t('binEmpty')} /> : <Wide label={t('bin')}><table class="cards"><thead><tr>{(['image', 'region', 'stateIs', 'deletedAt', 'purgeAt', 'details', 'restore'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead><tbody>
      {b.items.map(e => <tr key={e.regionId + e.id}><Cell label={t('image')} class="first"><Foreign text={e.name || e.id} /><span class="sub id">{e.id}</span></Cell><Cell label={t('region')}>{e.regionId}<span class="sub">{e.accountId}</span></Cell><Cell label={t('stateIs')}><State is={e.state} of="bin" />{e.restoredImageId && <> <ImageName of={{imageId: e.restoredImageId, regionId: e.regionId, accountId: e.accountId}} /></>}</Cell><Cell label={t('deletedAt')}><Time at={e.deletedAt} /></Cell><Cell label={t('purgeAt')}><Time at={e.until} /></Cell>
        <Cell label={t('details')}><details><summary>{e.rule ? <Foreign text={e.rule} /> : t('byName')}</summary><div><a href={link('cleanup', e.cleanup)}>{e.cleanup}</a></div>{e.imageFamily && <div>{t('family')}: <Foreign text={e.imageFamily} /></div>}<div>{t('snapshots')}: {e.snapshots.length === 0 ? <None /> : e.snapshots.join(', ')}</div><div>{t('lostBy')}: {e.sharedWith.length === 0 ? <None /> : e.sharedWith.join(', ')}</div></details></Cell>
        <Cell label={t('restore')}>{e.state === 'inBin' && <button type="button" onClick={() => go(link('cleanup', '', {restore: e.id, wish: '{}'}))}>{t('restorePlan')}<span class="hidden"> {e.name}</span></button>}</Cell></tr>)}</tbody></table></Wide>}{b.nextCursor && <p class="pages"><a href={link('cleanup', '', {bin: state, binCursor: b.nextCursor})}>{t('nextPage')}</a></p>}</>}</Read></Section>
}
