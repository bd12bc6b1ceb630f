import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mainThreadTasks } from './tasks.mjs'

const page = { pid: 7, tid: 1 }
const load = { ...page, name: 'CommitLoad', args: { data: { url: 'http://shop/demo/' } } }
const task = { ...page, name: 'RunTask', dur: 60_000, tdur: 20_000 }

test('tasks are those of the main thread that drew the page, by clock and processor time', () => {
  const others = [{ ...task, tid: 2 }, { ...task, pid: 8 }, { ...task, name: 'Layout' }]
  assert.deepEqual(mainThreadTasks([load, task, ...others], 'http://shop/demo/'), [{ wall: 60, busy: 20 }])
})

test('a trace without the page or its tasks is an error, not a good result', () => {
  assert.throws(() => mainThreadTasks([task], 'http://shop/demo/'), /does not show the page/)
  assert.throws(() => mainThreadTasks([load], 'http://shop/demo/'), /no task/)
})
