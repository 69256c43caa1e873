// What the deployment may do, where, and which permission is missing.
import type {Schema} from '../api'
import {count} from '../format'
import {useLoad} from '../load'
import {AsOf, Cell, Figure, Heading, None, Read, Said, Section, State, Unreads, Wide} from '../parts'
import {link, type Route} from '../route'
import {roles, who, subject} from '../session'
import {known, t} from '../text'

type Permission = Schema['SurveyPermission']

export const Access = ({at}: {at: Route}) => {
  const load = useLoad<Schema['FindAccess']>('/access', {}, {age: 300})
  const only = at.query.get('show') ?? ''
  return <>
    <Heading text={t('access')}><AsOf load={load} at={load.state.value.data?.asOf} /></Heading>
    <Section title={t('whoYouAre')}><p>{who.value || t('nobodyKnown')} · {roles.value.map(r => known('role', r)).join(', ') || t('noRole')} <span class="sub">{subject.value}</span></p>
      <ul class="reasons">{(['viewer', 'operator', 'fleet', 'reaper'] as const).map(r => <li key={r}><b>{known('role', r)}</b>: {t(`may.${r}`)}</li>)}</ul></Section>
    <Read load={load}>{a => {
      const rows = a.items.filter(p => only ? p.access === only : p.access !== 'allowed')
      return <>
        <Unreads of={a.unknown} />
        <div class="tiles">
          <Figure label={known('permit', 'allowed')} tone="good" href={link('access', '', {show: 'allowed'})}>{count(a.allowed)}</Figure>
          <Figure label={known('permit', 'denied')} tone={a.denied > 0 ? 'bad' : 'plain'} href={link('access', '', {show: 'denied'})}>{a.denied === 0 ? <None /> : count(a.denied)}</Figure>
          <Figure label={known('permit', 'unknown')} tone={a.unsure > 0 ? 'unknown' : 'plain'} href={link('access', '', {show: 'unknown'})}>{a.unsure === 0 ? <None /> : count(a.unsure)}</Figure>
        </div>
        <Section title={only ? known('permit', only) : t('notSurelyAllowed')}>
          {rows.length === 0 ? <p>{t('nothingHere')}</p> : <Wide label={t('access')}><table class="cards"><thead><tr>{(['action', 'permit', 'places', 'neededBy', 'reasons'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead>
            <tbody>{together(rows).map(([p, where]) => <tr key={p.action + p.access + p.code}>
              <Cell label={t('action')} class="first"><code>{p.action}</code></Cell><Cell label={t('permit')}><State is={p.access} of="permit" /></Cell><Cell label={t('places')}>{where.length > 4 ? <details><summary>{t('nPlaces', {n: where.length})}</summary>{where.join(', ')}</details> : where.join(', ')}</Cell><Cell label={t('neededBy')}>{p.neededBy.join(', ')}</Cell><Cell label={t('reasons')}><Said text={p.sentence} /> <code>{p.code}</code></Cell></tr>)}</tbody></table></Wide>}
        </Section></>
    }}</Read>
  </>
}

// together puts the same answer for several places into one row.
const together = (all: Permission[]): [Permission, string[]][] => {
  const rows = new Map<string, [Permission, string[]]>()
  for (const p of all) {
    const key = [p.action, p.access, p.code].join()
    const row = rows.get(key) ?? [p, []]
    row[1].push([p.regionId, p.accountId].filter(Boolean).join(' · '))
    rows.set(key, row)
  }
  return [...rows.values()]
}
