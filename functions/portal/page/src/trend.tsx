// What images cost from month to month, by the reports that were kept. A month without a report is a gap.
import {useSignal} from '@preact/signals'
import {useEffect} from 'preact/hooks'
import {inTurn, Refused, type Schema} from './api'
import {cost, least} from './format'
import {Failed, Line} from './parts'
import {token} from './session'
import {t} from './text'

type Group = Schema['PricingGroup']
type Month = {month: string, groups?: Group[]}

// kept: a stored report never changes, so it is asked for once.
const kept = new Map<string, Group[]>()

export const months = (n: number, now = new Date()): string[] => Array.from({length: n}, (_, i) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - (n - 1 - i), 1)).toISOString().slice(0, 7))

export const Trend = () => {
  const read = useSignal<Month[]>([])
  const failed = useSignal<Refused['problem'] | undefined>(undefined)
  const look = async (signal: AbortSignal) => {
    failed.value = undefined
    const out: Month[] = []
    for (const month of months(6)) {
      let groups = kept.get(month)
      if (!groups) {
        try {
          groups = (await inTurn<Schema['PriceReport']>('/prices', {query: {month, limit: 1}, signal})).body.totals
          kept.set(month, groups)
        } catch (reason) {
          if (signal.aborted) return
          if (!(reason instanceof Refused) || reason.problem.status !== 404) { failed.value = reason instanceof Refused ? reason.problem : undefined; break }
        }
      }
      out.push({month, groups})
    }
    read.value = out
  }
  useEffect(() => { const stop = new AbortController(); void look(stop.signal); return () => stop.abort() }, [token.value])
  if (failed.value) return <Failed problem={failed.value} />
  if (read.value.length === 0) return <p class="loading">{t('loading')}</p>
  const currencies = [...new Set(read.value.flatMap(m => m.groups?.map(g => g.currency) ?? []))]
  if (currencies.length === 0) return <p class="none">{t('noReports')}</p>
  return <>{currencies.map(currency => <Line key={currency} label={t('costTrendIn', {currency})} points={read.value.map(m => {
    const group = m.groups?.find(g => g.currency === currency)
    return {month: m.month, value: group && least(group.total), shown: group ? cost(group.total).text : t('notStored')}
  })} />)}<p class="sub">{t('gapsAreUnknown')}</p></>
}
