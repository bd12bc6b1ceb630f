// Numbers as people read them.

const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' })
const whole = new Intl.NumberFormat('en-GB')

/** An amount in USD. */
export const usd = (amount: number): string => money.format(amount)

/** A count with thousands separators. */
export const count = (n: number): string => whole.format(n)

/** "1 product", "2 products". */
export const counted = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** Bytes in kB of 1,000, as network panels count. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`
  return n < 1_000_000 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1_000_000).toFixed(2)} MB`
}

/** A duration given in microseconds, in milliseconds. */
export const elapsed = (us: number): string => `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`
