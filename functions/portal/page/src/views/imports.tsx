// Imports and exports: from a file, an instance, a snapshot or an image to an image that may be used, and out again.
import {useSignal} from '@preact/signals'
import type {Schema} from '../api'
import {useLoad} from '../load'
import {Foreign, Heading, ImageName, None, Read, Section, Text, Time} from '../parts'
import {go, link, type Route} from '../route'
import {known, t} from '../text'
import {Wishes, type Part} from '../wish'
import {isMissing, One, Works} from '../works'

const parts: Part[] = [
  {path: 'source.object.bucket', label: 'bucket', hint: 'golden-uploads'}, {path: 'source.object.key', label: 'key', hint: 'incoming/web.qcow2'}, {path: 'region', label: 'region', hint: 'cn-hangzhou'},
  {path: 'image.name', label: 'name', hint: 'web-base-20261129'}, {path: 'image.family', label: 'family', hint: 'web-base'}, {path: 'image.osType', label: 'osType', kind: 'choice', options: ['linux', 'windows']}, {path: 'image.platform', label: 'platform', hint: 'Ubuntu'},
  {path: 'image.arch', label: 'architecture', kind: 'choice', options: ['x86_64', 'arm64']}, {path: 'image.bootMode', label: 'bootMode', kind: 'choice', options: ['BIOS', 'UEFI', 'UEFI-Preferred']},
  {path: 'release.regions', label: 'releaseTo', kind: 'list', hint: 'cn-shanghai'}, {path: 'release.channel', label: 'channel', kind: 'choice', options: ['candidate', 'stable']},
  {path: 'source.instance.instanceId', label: 'fromInstance', hint: 'i-…', more: true}, {path: 'source.image.imageId', label: 'fromImage', hint: 'm-…', more: true}, {path: 'source.snapshots.system', label: 'snapshot', hint: 's-…', more: true}, {path: 'image.diskSizeGiB', label: 'diskSize', kind: 'number', hint: '40', more: true},
  {path: 'image.nvme', label: 'nvme', kind: 'choice', options: ['supported', 'unsupported'], more: true}, {path: 'image.imds', label: 'imds', kind: 'choice', options: ['v1', 'v2'], more: true}, {path: 'image.tags', label: 'tags', kind: 'pairs', more: true}, {path: 'image.description', label: 'description', more: true},
  {path: 'image.licenseType', label: 'licenceType', kind: 'choice', options: ['Aliyun', 'BYOL'], more: true}, {path: 'test.boot', label: 'bootTest', kind: 'flag', more: true}, {path: 'test.vSwitchId', label: 'vSwitch', hint: 'vsw-…', more: true}, {path: 'test.securityGroupId', label: 'securityGroup', hint: 'sg-…', more: true},
  {path: 'test.command', label: 'testCommand', more: true}, {path: 'test.maxCost', label: 'maxCost', hint: '2.00', more: true}, {path: 'account', label: 'account', more: true},
]
const out: Part[] = [{path: 'imageId', label: 'imageId', hint: 'm-…'}, {path: 'region', label: 'region', hint: 'cn-hangzhou'}, {path: 'bucket', label: 'bucket'}, {path: 'prefix', label: 'prefix'}, {path: 'format', label: 'format', kind: 'choice', options: ['raw', 'vhd', 'qcow2']}, {path: 'account', label: 'account', more: true}]

export const Imports = ({at}: {at: Route}) => {
  if (at.id.startsWith('export:')) return <One kind="exports" id={at.id.slice(7)} role="operator" at={at} />
  if (at.id) return <One kind="imports" id={at.id} role="operator" at={at} />
  const making = at.query.get('make')
  return <>
    <Heading text={t('imports')} />
    {making === 'release' ? <p><a href={link('imports')}>{t('newImport')}</a></p> : making === 'export' ? <><p><a href={link('imports')}>{t('newImport')}</a></p><Wishes at={at} view="imports" title={t('newExport')} path="/exports" role="operator" parts={out} /></>
      : <><Wishes at={at} view="imports" title={t('newImport')} path="/imports" role="operator" parts={parts} /><p><a href={link('imports', '', {make: 'export'})}>{t('newExport')}</a></p></>}
    <Works kind="imports" at={at} />
    <Works kind="exports" at={at} />
    <Releases at={at} />
  </>
}

const setting: Part[] = [{path: 'channel', label: 'channel', kind: 'choice', options: ['stable', 'candidate']}, {path: 'images', label: 'imagesByRegion', kind: 'pairs', hint: 'cn-hangzhou=m-…'}, {path: 'reason', label: 'reason'}, {path: 'adopt', label: 'adopt', kind: 'flag', options: ['true'], more: true}]

const Releases = ({at}: {at: Route}) => {
  const family = at.query.get('family') ?? ''
  const load = useLoad<Schema['ImportReleases']>(`/releases/${encodeURIComponent(family)}`, {}, {off: !family})
  const text = useSignal(family)
  if (isMissing(load.state.value.problem)) return null
  return <Section title={t('releases')}>
    <form onSubmit={e => { e.preventDefault(); go(link('imports', '', {make: 'release', family: text.value.trim()})) }}><Text label={t('family')} name="releaseFamily" value={text.value} onInput={e => { text.value = e.currentTarget.value }} /><p><button type="submit">{t('open')}</button></p></form>
    {family && <><Read load={load}>{r => <>{(['stable', 'candidate'] as const).map(channel => { const list = r.channels[channel] ?? []; return <div key={channel}><h3>{known('word', channel)}</h3>{list.length === 0 ? <None /> : <ul>{list.map(c => <li key={c.regionId}>{c.regionId}: <ImageName of={c} /> <Time at={c.since} /></li>)}</ul>}</div> })}
      {r.history.length > 0 && <details><summary>{t('history')}</summary><ul class="reasons">{[...r.history].reverse().slice(0, 50).map((h, n) => <li key={n}><Time at={h.since} /> {known('word', h.channel)} · {h.regionId} · <ImageName of={h} />{h.reason && <> · <Foreign text={h.reason} /></>}{h.by && <> · <Foreign text={h.by} /></>}</li>)}</ul></details>}</>}</Read>
      <Wishes at={at} view="imports" title={t('setRelease')} path={`/releases/${encodeURIComponent(family)}`} method="PUT" role="operator" parts={setting} done={() => load.again()} /></>}
  </Section>
}
