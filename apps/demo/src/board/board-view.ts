/** The order board: a column for each status, a card for each order, a form for the next one. */

import type { Collection } from '@fieldmesh/core'
import { element } from '../element.ts'
import { nextStatus, orderStatuses, type Order, type OrderStatus } from './order.ts'

const columnTitles: Readonly<Record<OrderStatus, string>> = {
  open: 'New',
  cooking: 'In the kitchen',
  ready: 'Ready',
}

const advanceLabels: Readonly<Record<OrderStatus, string>> = {
  open: 'To kitchen',
  cooking: 'Mark ready',
  ready: 'Served',
}

const emptyTexts: Readonly<Record<OrderStatus, string>> = {
  open: 'No new orders.',
  cooking: 'Nothing on the stove.',
  ready: 'Nothing waiting.',
}

/** A board bound to its collection; live from the first moment. */
export function boardView(orders: Collection<Order>, takenBy: string): HTMLElement {
  const columns = orderStatuses.map((status) => boardColumn(status))
  const cards = new Map<string, { readonly order: Order; readonly card: HTMLElement }>()

  orders
    .find()
    .sort({ takenAtMs: 1 })
    .observe(({ rows }) => {
      const gone = new Set(cards.keys())
      for (const order of rows) {
        gone.delete(order._id)
        if (cards.get(order._id)?.order === order) continue
        const card = orderCard(orders, order)
        cards.get(order._id)?.card.remove()
        cards.set(order._id, { order, card })
      }
      for (const id of gone) {
        cards.get(id)?.card.remove()
        cards.delete(id)
      }
      for (const column of columns) {
        const inColumn = rows.filter((order) => order.status === column.status)
        column.show(inColumn.map((order) => cards.get(order._id)!.card))
      }
    })

  return element(
    'section',
    { class: 'board', 'aria-label': 'Orders' },
    orderForm(orders, takenBy),
    element('div', { class: 'columns' }, ...columns.map(({ root }) => root)),
  )
}

function boardColumn(status: OrderStatus) {
  const list = element('ol', { class: 'cards' })
  const count = element('span', { class: 'count' }, '0')
  const empty = element('p', { class: 'empty' }, emptyTexts[status])
  const root = element(
    'section',
    { class: `column column-${status}`, 'data-status': status },
    element('h2', {}, columnTitles[status], ' ', count),
    empty,
    list,
  )
  return {
    status,
    root,
    show(cards: readonly HTMLElement[]): void {
      count.textContent = String(cards.length)
      empty.hidden = cards.length > 0
      const isSame =
        cards.length === list.children.length &&
        cards.every((card, index) => list.children[index] === card)
      if (!isSame) list.replaceChildren(...cards)
    },
  }
}

function orderCard(orders: Collection<Order>, order: Order): HTMLElement {
  const following = nextStatus(order.status)
  const advance = () => {
    void (following === undefined
      ? orders.delete(order._id)
      : orders.update(order._id, (draft) => {
          draft.status = following
        }))
  }
  const takenAt = new Date(order.takenAtMs).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
  })
  return element(
    'li',
    { class: 'card', 'data-order': order._id },
    element(
      'div',
      { class: 'card-head' },
      element('strong', { class: 'table' }, `Table ${order.table}`),
      element('span', { class: 'taken' }, `${takenAt} · ${order.takenBy}`),
    ),
    element('p', { class: 'dishes' }, order.dishes),
    element(
      'div',
      { class: 'card-actions' },
      element(
        'button',
        { type: 'button', class: 'advance', onclick: advance },
        advanceLabels[order.status],
      ),
      order.status !== 'ready' &&
        element(
          'button',
          {
            type: 'button',
            class: 'quiet',
            title: 'Cancel this order',
            'aria-label': `Cancel the order of table ${order.table}`,
            onclick: () => void orders.delete(order._id),
          },
          '✕',
        ),
    ),
  )
}

function orderForm(orders: Collection<Order>, takenBy: string): HTMLElement {
  const table = element('input', {
    name: 'table',
    type: 'number',
    min: '1',
    max: '99',
    required: true,
    inputmode: 'numeric',
    placeholder: 'Table',
    'aria-label': 'Table',
    autocomplete: 'off',
  })
  const dishes = element('input', {
    name: 'dishes',
    type: 'text',
    required: true,
    maxlength: '200',
    placeholder: 'What would they like?',
    'aria-label': 'Dishes',
    autocomplete: 'off',
  })
  const take = (submit: Event) => {
    submit.preventDefault()
    const takenAtMs = Date.now()
    void orders.insert({
      _id: `${takenAtMs.toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
      table: Number(table.value),
      dishes: dishes.value.trim(),
      status: 'open',
      takenAtMs,
      takenBy,
    })
    dishes.value = ''
    table.value = ''
    table.focus()
  }
  return element(
    'form',
    { class: 'order-form', onsubmit: take },
    table,
    dishes,
    element('button', { type: 'submit', class: 'primary' }, 'Take order'),
  )
}
