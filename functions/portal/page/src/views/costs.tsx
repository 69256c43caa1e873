// What images cost in a month: by family, region and image, what cannot be known of it, and what could be saved.
import type {Schema} from '../api'
import {count, least} from '../format'
import {useLoad} from '../load'
import {AsOf, Badge, Bars, Cell, Choice, Figure, Foreign, Heading, ImageName, Money, None, Read, Reasons, Section, State, Unreads, Wide} from '../parts'
import {go, link, type Route} from '../route'
import {known, t} from '../text'
import {months, Trend} from '../trend'

type Report = Schema['PriceReport']
type Group = Schema['PricingGroup']

const rows = (groups: Group[], to?: (key: string) => string) => groups.map(g => ({
  key: g.key + g.currency, name: g.rest || !to ? <span class={g.rest ? 'none' : undefined}>{known('group', g.key)}</span> : <a href={to(g.key)}><Foreign text={g.key} /></a>,
  value: least(g.total), shown: <><Money of={g.total} /> <span class="sub">{t('nImages', {n: count(g.images)})}</span></>,
}))

export const Costs = ({at}: {at: Route}) => {
  const month = at.query.get('month') ?? ''
  const load = useLoad<Report>('/prices', {limit: 20, month: month || undefined}, month ? {} : {age: 300})
  return <>
    <Heading text={t('costs')}><AsOf load={load} at={load.state.value.data?.asOf} /></Heading>
    <div class="filters"><Choice label={t('report')} value={month} any="today" options={months(12).reverse()} onChange={m => go(link('costs', '', {month: m}))} /></div>
    <Read load={load}>{r => <>
      <Unreads of={r.unknown} />
      <div class="tiles">
        {r.totals.map(g => <Figure key={g.currency} label={t('costOf', {n: count(g.images), m: count(g.instances)})}><Money of={g.total} /></Figure>)}
        {r.totals.map(g => <Figure key={'s' + g.currency} label={known('item', 'snapshotStorage')}><Money of={g.snapshotStorage} /></Figure>)}
        {r.totals.map(g => <Figure key={'l' + g.currency} label={known('item', 'operatingSystemLicence')}><Money of={g.operatingSystemLicence} /></Figure>)}
        {r.totals.map(g => <Figure key={'m' + g.currency} label={known('item', 'marketplaceSoftware')}><Money of={g.marketplaceSoftware} /></Figure>)}
      </div>
      <div class="columns"><Section title={t('costTrend')}><Trend /></Section>
      <Section title={t('savings')}>
        <p>{t('savingsWhy')}</p>
        {r.unused.length === 0 && r.unusedShared.length === 0 ? <None /> : <div class="tiles">
          {r.unused.map(g => <Figure key={g.currency} label={t('couldBeSaved', {n: count(g.images)})} href={link('cleanup')}><Money of={g.total} /></Figure>)}
          {r.unusedShared.map(g => <Figure key={g.currency} label={t('couldBeSavedShared', {n: count(g.images)})} href={link('shares')}><Money of={g.total} /></Figure>)}</div>}
      </Section></div>
      <div class="columns">
        <Section title={t('costByFamily')}><Bars label={t('perMonth')} rows={rows(r.families, key => link('images', '', {family: key}))} /></Section>
        <Section title={t('costByRegion')}><Bars label={t('perMonth')} rows={rows(r.regions, key => link('images', '', {region: key}))} /></Section>
      </div>
      <Section title={t('costByImage')}><Wide label={t('costByImage')}><table class="cards"><thead><tr>{(['image', 'rule', 'usage', 'instances', 'storage', 'licence', 'software', 'total'] as const).map(w => <th key={w} scope="col">{t(w)}</th>)}</tr></thead>
        <tbody>{r.items.map(i => <tr key={i.image.imageId + i.image.regionId}>
          <Cell label={t('image')} class="first"><ImageName of={{...i.image, name: i.name}} /> <span class="sub">{i.image.regionId}</span></Cell>
          <Cell label={t('rule')}>{known('rule', i.rule)}</Cell><Cell label={t('usage')}><State is={i.usage} of="verdict" /></Cell><Cell label={t('instances')} class="num">{i.instances === 0 ? i.usage === 'unknown' ? <Badge tone="unknown">{t('unknown')}</Badge> : 0 : count(i.instances)}</Cell>
          <Cell label={t('storage')} class="num"><Money of={i.snapshotStorage} /></Cell><Cell label={t('licence')} class="num"><Money of={i.operatingSystemLicence} /></Cell><Cell label={t('software')} class="num"><Money of={i.marketplaceSoftware} /></Cell><Cell label={t('total')} class="num"><b><Money of={i.total} /></b></Cell>
        </tr>)}</tbody></table></Wide></Section>
      {r.incomplete.length > 0 && <Section title={t('incomplete')}><p>{t('incompleteWhy')}</p><ul class="reasons">{r.incomplete.slice(0, 20).map(i => <li key={i.image.imageId + i.image.regionId}><ImageName of={{...i.image, name: i.name}} /><Reasons of={i.missing ?? undefined} /></li>)}</ul></Section>}
      {r.missingRates.length > 0 && <Section title={t('missingRates')}><p>{t('missingRatesWhy', {n: count(r.missingRates.length)})}</p></Section>}
    </>}</Read>
  </>
}
