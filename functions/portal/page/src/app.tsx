// The frame: where one can go, who one is, and the view.
import {useSignal} from '@preact/signals'
import type {ComponentType} from 'preact'
import {useEffect} from 'preact/hooks'
import {busy} from './api'
import {relative} from './format'
import {Foreign, Said} from './parts'
import {link, route, type Route} from './route'
import {accept, again, allRoles, configuration, expires, failure, leave, localRole, roles, signOut, take, token, wanted, who} from './session'
import {choose, known, language, t, type Word} from './text'
import {Access} from './views/access'
import {Cleanup} from './views/cleanup'
import {Costs} from './views/costs'
import {Fleet} from './views/fleet'
import {Image} from './views/image'
import {Images} from './views/images'
import {Imports} from './views/imports'
import {Overview} from './views/overview'
import {Rollouts} from './views/rollouts'
import {Shares} from './views/shares'

type View = ComponentType<{at: Route}>

const views: [string, Word, View][] = [
  ['overview', 'overview', Overview], ['images', 'images', Images], ['fleet', 'fleet', Fleet], ['costs', 'costs', Costs], ['shares', 'shares', Shares],
  ['imports', 'imports', Imports], ['rollouts', 'rollouts', Rollouts], ['cleanup', 'cleanup', Cleanup], ['access', 'access', Access],
]

// nameOf keeps a view mounted while only its query changes, and makes it anew for another thing.
const nameOf = (at: Route): string => `${at.view}/${at.id}`

export const App = () => {
  const at = route.value
  const found = views.find(([name]) => name === at.view)
  const Shown: View | undefined = at.view === 'images' && at.id ? Image : found?.[2]
  return <>
    <div class={busy.value ? 'busy on' : 'busy'} aria-hidden="true" />
    <header>
      <a class="skip" href={location.hash || '#/overview'} onClick={e => { e.preventDefault(); document.querySelector<HTMLElement>('h1')?.focus() }}>{t('skip')}</a>
      <a class="brand" href="#/overview">Imagekeeper</a>
      <nav aria-label={t('views')}><ul>{views.map(([name, word]) =>
        <li key={name}><a href={link(name)} aria-current={at.view === name ? 'page' : undefined}>{t(word)}</a></li>)}</ul></nav>
      <Person />
    </header>
    {token.value && wanted.value && <SignIn beside />}
    <Ending />
    <main>{!token.value && wanted.value ? <SignIn /> : Shown ? <Shown key={nameOf(at)} at={at} /> : <p class="notice warn">{t('noSuchView')} <a href="#/overview">{t('overview')}</a></p>}</main>
    <footer><a href="openapi.json">OpenAPI</a><span>{t('footer')}</span></footer>
  </>
}

const Person = () => <div class="person">
  {configuration.local && token.value
    ? <label><span class="hidden">{t('role')}</span><select value={localRole.value} onChange={e => void take(e.currentTarget.value)}>
      {allRoles.map(r => <option key={r} value={r} selected={localRole.value === r}>{known('role', r)}</option>)}
      {allRoles.filter(r => r !== 'viewer').map(r => <option key={r} value={`${r}-2`} selected={localRole.value === `${r}-2`}>{t('secondPerson', {role: known('role', r)})}</option>)}
    </select></label>
    : token.value && <span class="who" title={roles.value.map(r => known('role', r)).join(', ')}><Foreign text={who.value} /> · {roles.value.map(r => known('role', r)).join(', ') || t('noRole')}</span>}
  {token.value && !configuration.local && <button type="button" class="small" onClick={signOut}>{t('signOut')}</button>}
  <button type="button" class="small" lang={language.value === 'zh' ? 'en' : 'zh-CN'} onClick={() => choose(language.value === 'zh' ? 'en' : 'zh')}>{language.value === 'zh' ? 'English' : '中文'}</button>
</div>

// Ending says in time that the token ends.
const Ending = () => {
  const now = useSignal(Date.now())
  useEffect(() => { const timer = setInterval(() => { now.value = Date.now() }, 20_000); return () => clearInterval(timer) }, [])
  const left = expires.value - now.value
  if (!expires.value || left > 300_000 || wanted.value) return null
  return <div class="notice warn top" role="status">{left > 0 ? t('sessionEnds', {when: relative(new Date(expires.value).toISOString(), now.value)}) : t('sessionEnded')}
    {' '}{configuration.client && <button type="button" class="small" onClick={again}>{t('signInAgain')}</button>}</div>
}

// SignIn is how to become somebody. Beside: what is on the page stays, with everything typed into it.
const SignIn = ({beside}: {beside?: boolean}) => {
  const text = useSignal('')
  const wrong = useSignal(false)
  return <section class={beside ? 'signin notice warn top' : 'signin'} aria-label={t('signIn')} role={beside ? 'alert' : undefined}>
    {beside ? <p><strong>{t('sessionEnded')}</strong> {t('inputKept')}</p> : <><h1 tabIndex={-1}>{t('signIn')}</h1><p>{t('signInWhy')}</p></>}
    {failure.value && <p class="notice bad" role="alert">{t('signInFailed')} <Said text={failure.value} /></p>}
    {configuration.client && <p><button type="button" class="main" onClick={() => beside ? again() : void leave()}>{t('signInAt', {host: new URL(configuration.issuer!).host})}</button></p>}
    {configuration.local && <p class="choices">{allRoles.map(r => <button type="button" key={r} onClick={() => void take(r)}>{t('actAs', {role: known('role', r)})}</button>)}</p>}
    <form onSubmit={e => { e.preventDefault(); wrong.value = !accept(text.value); if (!wrong.value) text.value = '' }}>
      <label class={wrong.value ? 'field wrong' : 'field'}><span>{t('pasteToken')}</span>
        <textarea rows={3} value={text.value} autocomplete="off" spellcheck={false} onInput={e => { text.value = e.currentTarget.value }} aria-invalid={wrong.value || undefined} />
        {wrong.value && <em role="alert">{t('notAToken')}</em>}</label>
      <button type="submit">{t('useToken')}</button><p class="sub">{t('tokenKept')}</p>
    </form>
  </section>
}
