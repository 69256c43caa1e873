// Rollouts: which instances go to another image, wave by wave.
import {Heading} from '../parts'
import type {Route} from '../route'
import {t} from '../text'
import {Wishes, type Part} from '../wish'
import {One, Stop, Works} from '../works'

const parts: Part[] = [
  {path: 'select.family', label: 'family', kind: 'list', hint: 'web-base'}, {path: 'select.region', label: 'region', kind: 'list', hint: 'cn-hangzhou'},
  {path: 'select.behind', label: 'behindAtLeast', kind: 'number', hint: '1'}, {path: 'select.tag', label: 'tags', kind: 'pairs', hint: 'env=prod'},
  {path: 'to.family', label: 'toFamily', hint: 'web-base'}, {path: 'to.image', label: 'toImage', hint: 'm-…'},
  {path: 'strategy.canary', label: 'canary', kind: 'number', hint: '1'}, {path: 'strategy.waveSize', label: 'waveSize', hint: '20%'}, {path: 'strategy.maxUnavailable', label: 'maxUnavailable', kind: 'number', hint: '1'},
  {path: 'strategy.pauseAfter', label: 'pauseAfter', kind: 'list', hint: 'canary'}, {path: 'strategy.maxFailures', label: 'maxFailures', kind: 'number', hint: '0'}, {path: 'onUnhealthy', label: 'onUnhealthy', kind: 'choice', options: ['undo', 'halt']},
  {path: 'select.id', label: 'instanceIds', kind: 'list', hint: 'i-…', more: true}, {path: 'select.image', label: 'runsImage', kind: 'list', hint: 'm-…', more: true}, {path: 'select.descendantsOf', label: 'descendantsOf', hint: 'm-…', more: true},
  {path: 'select.account', label: 'account', kind: 'list', more: true}, {path: 'select.all', label: 'allInstances', kind: 'flag', options: ['true'], more: true}, {path: 'select.exclude.id', label: 'exceptInstances', kind: 'list', hint: 'i-…', more: true},
  {path: 'strategy.maxDown', label: 'maxDown', hint: '30m', more: true}, {path: 'backup.keep', label: 'keepBackups', hint: '7d', more: true}, {path: 'to.channel', label: 'channel', kind: 'choice', options: ['stable', 'candidate'], more: true}, {path: 'to.unreleased', label: 'unreleased', kind: 'flag', options: ['true'], more: true},
]

export const Rollouts = ({at}: {at: Route}) => at.id ? <One kind="rollouts" id={at.id} role="fleet" at={at} /> : <>
  <Heading text={t('rollouts')} />
  <Stop kind="rollouts" role="fleet" />
  <Wishes at={at} view="rollouts" title={t('newRollout')} path="/rollouts" role="fleet" parts={parts} />
  <Works kind="rollouts" at={at} />
</>
