// Every parameter of GET /images, with how it is asked for. The type keeps it complete: a parameter that the API gains is missing here.
import type {paths} from './openapi'
import type {Word} from './text'

type Query = NonNullable<paths['/images']['get']['parameters']['query']>
export type Name = Exclude<keyof Query, 'cursor' | 'format' | 'fields' | 'maxAge' | 'sort' | 'explain' | 'tag.key'>

export type Kind = 'text' | 'list' | 'choice' | 'several' | 'flag' | 'date' | 'tags' | 'number'
export interface Filter { label: Word, kind: Kind, options?: readonly string[], words?: string, main?: boolean, hint?: string }

export const kinds = ['public', 'custom', 'shared', 'marketplace', 'community'] as const
export const statuses = ['Creating', 'Waiting', 'Available', 'UnAvailable', 'CreateFailed', 'Deprecated'] as const
export const sorts = ['-createdAt', 'createdAt', 'name', '-name', 'size', '-size', 'licence', '-licence'] as const

export const filters: Record<Name, Filter> = {
  name: {label: 'name', kind: 'text', main: true, hint: 'web-*'},
  kind: {label: 'kind', kind: 'several', options: kinds, words: 'kind', main: true},
  family: {label: 'family', kind: 'list', main: true, hint: 'web-base, api-*'},
  region: {label: 'region', kind: 'list', main: true, hint: 'cn-hangzhou'},
  status: {label: 'status', kind: 'several', options: statuses, words: 'status', main: true},
  osType: {label: 'osType', kind: 'choice', options: ['linux', 'windows'], words: 'os', main: true},
  account: {label: 'account', kind: 'list', hint: '1000000000000001'},
  owner: {label: 'owner', kind: 'text', hint: '1000000000000001'},
  id: {label: 'imageIds', kind: 'list', hint: 'm-…'},
  snapshotId: {label: 'snapshot', kind: 'text', hint: 's-…'},
  platform: {label: 'platform', kind: 'text', hint: 'ubuntu'},
  arch: {label: 'architecture', kind: 'choice', options: ['x86_64', 'arm64', 'i386']},
  bootMode: {label: 'bootMode', kind: 'choice', options: ['BIOS', 'UEFI', 'UEFI-Preferred']},
  instanceType: {label: 'instanceType', kind: 'text', hint: 'ecs.g7.large'},
  tag: {label: 'tags', kind: 'tags', hint: 'env=prod team='},
  software: {label: 'software', kind: 'text', hint: 'nginx'},
  provider: {label: 'provider', kind: 'choice', options: ['alibaba', 'isv']},
  dataDisks: {label: 'dataDisks', kind: 'choice', options: ['with', 'without'], words: 'disks'},
  licence: {label: 'licence', kind: 'choice', options: ['free', 'paid', 'unknown'], words: 'licence'},
  maxLicencePerHour: {label: 'maxLicence', kind: 'text', hint: '0.5'},
  usage: {label: 'usageHint', kind: 'choice', options: ['instance', 'none'], words: 'usage'},
  encrypted: {label: 'encrypted', kind: 'flag', options: ['true', 'false'], words: 'flag'},
  createdAfter: {label: 'createdAfter', kind: 'date'},
  createdBefore: {label: 'createdBefore', kind: 'date'},
  limit: {label: 'perPage', kind: 'number', hint: '50'},
}
