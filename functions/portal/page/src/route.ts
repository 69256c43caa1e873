// Where the page is: #/images/m-…?region=…. Every state that a person may want to come back to is in the address.
import {computed, signal} from '@preact/signals'

export interface Route { view: string, id: string, query: URLSearchParams }

const read = (): Route => {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [view = '', ...rest] = path.split('/')
  let id = rest.join('/')
  try { id = decodeURIComponent(id) } catch { /* stays as it is */ }
  return {view: view || 'overview', id, query: new URLSearchParams(query)}
}

const current = signal<Route>(read())
addEventListener('hashchange', () => { current.value = read() })

export const route = computed(() => current.value)

export type Values = Record<string, string | number | boolean | undefined>

export const link = (view: string, id = '', values: Values = {}): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== '' && value !== false) query.set(name, String(value))
  const text = query.toString()
  return `#/${view}${id ? '/' + encodeURIComponent(id) : ''}${text ? '?' + text : ''}`
}

export const go = (to: string, replace = false): void => {
  if (replace) {
    history.replaceState(null, '', to)
    current.value = read()
  } else location.hash = to
}

// workView is where works of a kind are shown; kind is the first part of their path in the API: those from the bin are cleanups.
export const workView = (kind: string): string => kind === 'cleanups' || kind === 'bin' ? 'cleanup' : kind === 'exports' ? 'imports' : kind

export const workLink = (kind: string, id: string): string => link(workView(kind), kind === 'exports' ? 'export:' + id : id)

// imageLink leads to one image; where it is looked for is part of what it is.
export const imageLink = (i: {imageId: string, regionId?: string, accountId?: string}): string =>
  link('images', i.imageId, {region: i.regionId, account: i.accountId})
