// How times, amounts and sizes are written.
import {locale, t} from './text'

const day = 86_400_000

export const absolute = (at: string): string => {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return at
  return new Intl.DateTimeFormat(locale(), {dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC'}).format(date) + ' UTC'
}

export const relative = (at: string, now = Date.now()): string => {
  const ms = new Date(at).getTime() - now
  if (Number.isNaN(ms)) return ''
  const form = new Intl.RelativeTimeFormat(locale(), {numeric: 'auto'})
  const size = Math.abs(ms)
  if (size < 60_000) return form.format(Math.round(ms / 1000), 'second')
  if (size < 3_600_000) return form.format(Math.round(ms / 60_000), 'minute')
  if (size < 2 * day) return form.format(Math.round(ms / 3_600_000), 'hour')
  if (size < 90 * day) return form.format(Math.round(ms / day), 'day')
  return form.format(Math.round(ms / (30.44 * day)), 'month')
}

export const count = (n: number): string => new Intl.NumberFormat(locale()).format(n)

export interface Amount { amount: string, currency?: string }

// money shows cents where there are some, and what is smaller than a cent as it is.
export const money = (a: Amount): string => {
  const value = Number(a.amount)
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 6 : 2
  const shown = new Intl.NumberFormat(locale(), {minimumFractionDigits: 2, maximumFractionDigits: digits}).format(value)
  return a.currency ? `${shown} ${a.currency}` : shown
}

export interface Cost { amount?: Amount, atLeast?: Amount, lower?: Amount, upper?: Amount, unknown?: number }

// cost is what a sum of a report says: an amount, a range, at least so much, or not known. Never 0 for not known.
export const cost = (c: Cost): {text: string, unsure: boolean} => {
  if (c.amount) return {text: money(c.amount), unsure: false}
  if (c.lower && c.upper) return {text: `${money(c.lower)} – ${money(c.upper)}`, unsure: true}
  const least = c.atLeast ?? c.lower
  if (least) return {text: t('atLeast', {amount: money(least)}), unsure: true}
  return {text: t('unknown'), unsure: true}
}

// least is the number a bar is drawn by, undefined where nothing is known.
export const least = (c: Cost): number | undefined => {
  const a = c.amount ?? c.atLeast ?? c.lower
  return a && Number(a.amount)
}

// visible makes characters seen that would turn or hide the text around them.
export const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, c =>
    `\u27e8U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}\u27e9`)
