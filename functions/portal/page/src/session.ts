// Who looks: the token, in memory only, and how it is come by. Nothing here checks a token; the functions do.
import {computed, signal} from '@preact/signals'
import * as oauth from 'oauth4webapi'

export interface Configuration { issuer?: string, client?: string, scopes?: string, rolesClaim?: string, local?: boolean }

const told = document.querySelector<HTMLMetaElement>('meta[name=imagekeeper]')?.content ?? '{}'
export const configuration: Configuration = JSON.parse(told)

export type Role = 'viewer' | 'operator' | 'fleet' | 'reaper'
export const allRoles: Role[] = ['viewer', 'operator', 'fleet', 'reaper']

export const token = signal('')
// wanted says that the API has asked for a token that the page does not have.
export const wanted = signal<'' | 'first' | 'again' | 'failed'>('')
export const failure = signal('')

interface Claims { sub?: string, iss?: string, exp?: number, name?: string, [claim: string]: unknown }

const claims = computed<Claims>(() => {
  try {
    const part = token.value.split('.')[1] ?? ''
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
    const read: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return read && typeof read === 'object' ? read as Claims : {}
  } catch { return {} }
})

export const who = computed(() => String(claims.value.name ?? claims.value.sub ?? ''))
export const subject = computed(() => `${claims.value.iss ?? ''} ${claims.value.sub ?? ''}`)
export const expires = computed(() => typeof claims.value.exp === 'number' ? claims.value.exp * 1000 : 0)

export const roles = computed<Role[]>(() => {
  if (!token.value) return ['viewer']
  const said = claims.value[configuration.rolesClaim ?? 'roles']
  const names = Array.isArray(said) ? said : typeof said === 'string' ? said.split(/[\s,]+/) : []
  return allRoles.filter(role => names.includes(role))
})

// may tells whether a control is shown. What counts is what the API says.
export const may = (role: Role): boolean => roles.value.includes(role)
export const mayBrake = (): boolean => may('operator') || may('fleet') || may('reaper')

// expired is called when the API refuses the token that was used.
export const expired = (used: string): void => {
  if (used !== token.value) return
  if (!used && configuration.local && !localRole.value) { localRole.value = 'viewer'; void take('viewer'); return }
  wanted.value = used ? 'again' : 'first'
}

export const signOut = (): void => {
  token.value = ''
  sessionStorage.removeItem(keptRole)
  sessionStorage.setItem(keptOut, 'yes')
  wanted.value = 'first'
}

// accept takes a token, pasted or got.
export const accept = (text: string): boolean => {
  const bare = text.trim().replace(/^(Authorization:\s*)?Bearer\s+/i, '')
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(bare)) return false
  token.value = bare
  wanted.value = ''
  failure.value = ''
  sessionStorage.removeItem(keptOut)
  return true
}

// On one machine the gateway makes tokens; only the role is kept over a reload, never a token.
const keptRole = 'imagekeeper.role'
const keptOut = 'imagekeeper.signedOut'
export const localRole = signal(sessionStorage.getItem(keptRole) ?? '')

export const take = async (choice: string): Promise<void> => {
  const [role = '', person] = choice.split('-')
  const response = await fetch(`_local/token/${role}${person ? '?person=second' : ''}`, {method: 'POST', credentials: 'omit'})
  if (!response.ok) { failure.value = String(response.status); wanted.value = 'first'; localRole.value = ''; return }
  const body = await response.json() as {token: string}
  sessionStorage.setItem(keptRole, choice)
  localRole.value = choice
  accept(body.token)
}

// Signing in at an OpenID provider: authorization code with PKCE. What must outlive the way there and back is kept for this
// tab only, and taken away on return.
const keptWay = 'imagekeeper.way'
interface Way { verifier: string, state: string, nonce: string, back: string, popup: boolean }
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('imagekeeper') : null

const client = (): oauth.Client => ({client_id: configuration.client ?? ''})
const here = (): string => location.origin + location.pathname

const provider = async (): Promise<oauth.AuthorizationServer> => {
  const issuer = new URL(configuration.issuer ?? '')
  const options = {[oauth.allowInsecureRequests]: issuer.protocol === 'http:'}
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
}

export const leave = async (back = location.hash, popup = false): Promise<void> => {
  try {
    const as = await provider()
    if (!as.authorization_endpoint) throw new Error('the provider has no authorization endpoint')
    const way: Way = {verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), back, popup}
    const to = new URL(as.authorization_endpoint)
    const wish: Record<string, string> = {
      client_id: client().client_id, redirect_uri: here(), response_type: 'code', scope: configuration.scopes ?? 'openid',
      code_challenge: await oauth.calculatePKCECodeChallenge(way.verifier), code_challenge_method: 'S256', state: way.state, nonce: way.nonce,
    }
    for (const [name, value] of Object.entries(wish)) to.searchParams.set(name, value)
    sessionStorage.setItem(keptWay, JSON.stringify(way))
    location.assign(to)
  } catch (reason) { fail(reason) }
}

const fail = (reason: unknown): void => {
  failure.value = reason instanceof Error ? reason.message : String(reason)
  wanted.value = 'failed'
}

const isToken = (text: unknown): text is string => typeof text === 'string' && text.split('.').length === 3

// arrive ends what leave began, where the provider has sent the browser back.
const arrive = async (way: Way): Promise<void> => {
  const url = new URL(location.href)
  history.replaceState(null, '', here() + way.back)
  dispatchEvent(new HashChangeEvent('hashchange'))
  url.hash = ''
  const as = await provider()
  const parameters = oauth.validateAuthResponse(as, client(), url, way.state)
  const options = {[oauth.allowInsecureRequests]: new URL(as.issuer).protocol === 'http:'}
  const response = await oauth.authorizationCodeGrantRequest(as, client(), oauth.None(), parameters, here(), way.verifier, options)
  const got = await oauth.processAuthorizationCodeResponse(as, client(), response, {expectedNonce: way.nonce, requireIdToken: /\bopenid\b/.test(configuration.scopes ?? '')})
  // The functions take what they can check: an access token that is a JWT, else the identity token.
  const mine = isToken(got.access_token) ? got.access_token : got.id_token
  if (!mine || !accept(mine)) throw new Error('the provider gave no token that is a JWT')
  if (way.popup) {
    channel?.postMessage({token: mine})
    close()
  }
}

if (channel) channel.onmessage = message => {
  const body = message.data as {token?: unknown}
  if (wanted.value && isToken(body.token)) accept(body.token)
}

// again signs in beside the page, so that a form in it keeps what was typed.
export const again = (): void => {
  if (!open(`${here()}#/signin`, 'imagekeeper-signin', 'width=520,height=680')) void leave()
}

// start finds out who looks, as far as that goes without asking.
export const start = async (): Promise<void> => {
  const text = sessionStorage.getItem(keptWay)
  sessionStorage.removeItem(keptWay)
  if (configuration.client) {
    const returned = new URLSearchParams(location.search)
    if (text && (returned.has('code') || returned.has('error'))) {
      try { await arrive(JSON.parse(text) as Way) } catch (reason) { fail(reason) }
      return
    }
    if (location.hash === '#/signin') return leave('#/', true)
    if (sessionStorage.getItem(keptOut) || text) { wanted.value = 'first'; return }
    return leave()
  }
  if (configuration.local && localRole.value) return take(localRole.value)
}
