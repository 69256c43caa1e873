// What the page says, in both languages. Sentences of the API stay as they come: English, and marked so.
import {signal} from '@preact/signals'
import {words} from './words'

export type Language = 'en' | 'zh'
export type Word = keyof typeof words

const kept = 'imagekeeper.language'

const first = (): Language => {
  const chosen = localStorage.getItem(kept)
  if (chosen === 'en' || chosen === 'zh') return chosen
  return navigator.languages.some(l => l.toLowerCase().startsWith('zh')) && !navigator.languages[0]?.toLowerCase().startsWith('en') ? 'zh' : 'en'
}

export const language = signal<Language>(first())

export const choose = (l: Language): void => {
  language.value = l
  localStorage.setItem(kept, l)
}

// t is a text of the page; {name} in it is replaced.
export const t = (word: Word, values: Record<string, string | number> = {}): string =>
  words[word][language.value === 'zh' ? 1 : 0].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))

// known is the text for a word of the API, the word itself where the page has none.
export const known = (prefix: string, word: string): string => {
  const key = `${prefix}.${word}`
  return key in words ? t(key as Word) : word
}

export const locale = (): string => language.value === 'zh' ? 'zh-CN' : 'en-GB'
