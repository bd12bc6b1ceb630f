// What a shop's own code looks like to the compiler; never run.
import { createEngine, EngineError, type Decision, type Engine, type ErrorCode, type SessionEvent } from 'nearside'

const viewed: SessionEvent = { event: 'view_item', items: [{ item_id: 'sku-1', price: '12.90' }] }

export async function shelf(engine: Engine): Promise<readonly string[]> {
  await engine.observe(viewed)
  await engine.observe({ event: 'gtm.click' })
  const { slate }: Decision = await engine.rank({ placement: 'home', page: { type: 'product', item_id: 'sku-1' } })
  return slate.map((entry) => entry.ad)
}

export async function start(): Promise<Engine | ErrorCode> {
  try {
    return await createEngine({ worker: 'auto', catalogue: new URL('https://shop.example/catalogue.json') })
  } catch (error) {
    if (EngineError.is(error, 'wasm-blocked')) return error.code
    throw error
  }
}

// @ts-expect-error: a placement is required
export const unplaced = (engine: Engine) => engine.rank({})
