import { expectTypeOf, test } from 'vitest'
import type { Collection, Mesh, MeshOptions } from './page.ts'

interface Order {
  _id: string
  table: number
  status: 'open' | 'ready'
  items: { name: string; count: number }[]
  address?: { city: string }
}

// Never called: the compiler is the test.
async function useEveryType(mesh: Mesh, orders: Collection<Order>, worker: Worker) {
  const options: MeshOptions = { app: 'corner-cafe', secret: '00', worker }
  await orders.insert({ _id: 'o-1', table: 1, status: 'open', items: [] })
  await orders.upsert({ _id: 'o-1', address: { city: 'Porto' } })
  await orders.update('o-1', (order) => {
    order.status = 'ready'
    order.items.push({ name: 'tea', count: 1 })
    // @ts-expect-error a row keeps its id
    order._id = 'o-2'
  })
  const open = orders
    .find({ status: 'open', table: { $gt: 3 }, 'address.city': 'Porto', $or: [{ table: 1 }] })
    .sort({ table: 1, 'address.city': -1 })
  mesh.subscribe(open)
  open.observe(({ rows }) => expectTypeOf(rows).toEqualTypeOf<readonly Order[]>())
  // @ts-expect-error no such status
  orders.find({ status: 'gone' })
  return options
}

test('the types of the facade accept what the documentation shows', () => {
  expectTypeOf(useEveryType).toBeFunction()
})
