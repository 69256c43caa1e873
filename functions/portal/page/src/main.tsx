import './style.css'
import {effect} from '@preact/signals'
import {render, type ComponentType} from 'preact'
import {App} from './app'
import {start} from './session'
import {language} from './text'
import type {Route} from './route'

export type View = ComponentType<{at: Route}>

effect(() => { document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en' })
const root = document.createElement('div')
root.id = 'app'
document.body.append(root)
void start().finally(() => render(<App />, root))
