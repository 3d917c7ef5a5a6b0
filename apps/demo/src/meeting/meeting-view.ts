/** Meeting another device with no network service at all: a dialog that invites, and one that joins. */

import type { Invitation, Joining, Mesh, PeerId } from '@fieldmesh/core'
import { element } from '../element.ts'
import { troubleOf } from './meeting-trouble.ts'
import { shownNote, takenNote, type TakenNote } from './note-field.ts'

/** One side of a meeting, as long as its dialog shows it. */
interface Side {
  readonly root: HTMLElement
  /** Ends what is not connected yet. */
  close(): void
}

/** The button that opens the dialog. */
export function meetingView(mesh: Mesh): HTMLElement {
  const open = element('button', { type: 'button', class: 'meet', onclick: () => show() }, 'Invite')
  const show = () => {
    const dialog = meetingDialog(mesh)
    document.body.append(dialog)
    dialog.showModal()
  }
  return open
}

function meetingDialog(mesh: Mesh): HTMLDialogElement {
  const sides = { invite: inviteSide, join: joinSide } as const
  const titles = { invite: 'Invite', join: 'Join' } as const
  const content = element('div', { class: 'meeting-side' })
  let side: Side | undefined
  const select = (chosen: keyof typeof sides) => {
    side?.close()
    side = sides[chosen](mesh)
    content.replaceChildren(side.root)
    for (const tab of tabs) {
      tab.setAttribute('aria-pressed', String(tab.dataset['side'] === chosen))
    }
  }
  const tabs = (Object.keys(sides) as (keyof typeof sides)[]).map((name) =>
    element(
      'button',
      { type: 'button', 'data-side': name, onclick: () => select(name) },
      titles[name],
    ),
  )
  const dialog = element(
    'dialog',
    {
      class: 'meeting',
      'aria-label': 'Meet another device',
      onclose: () => {
        side?.close()
        dialog.remove()
      },
    },
    element(
      'header',
      { class: 'meeting-head' },
      element('nav', { class: 'meeting-tabs', 'aria-label': 'Invite or join' }, ...tabs),
      element('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Close'),
    ),
    content,
  )
  select('invite')
  return dialog
}

function inviteSide(mesh: Mesh): Side {
  const giveUp = new AbortController()
  const root = element('div', { class: 'steps' }, waiting('Finding out how to be reached …'))
  let taken: TakenNote | undefined
  const accept = async (invitation: Invitation, answer: string) => {
    const met = troubleOf(invitation.accept(answer))
    root.replaceChildren(connected(mesh, await met))
  }
  const invite = async () => {
    const invitation = await troubleOf(mesh.invite({ signal: giveUp.signal }))
    taken = takenNote('answer', 'Connect', async (answer) => accept(invitation, answer))
    root.replaceChildren(
      step('1', 'Let the other device scan this, or send it the text.'),
      shownNote(invitation.text, 'invitation'),
      step('2', 'Then scan or paste the answer that it shows.'),
      taken.root,
    )
  }
  invite().catch((error: unknown) => root.replaceChildren(trouble(error)))
  return {
    root,
    close: () => {
      taken?.stop()
      giveUp.abort(new Error('closed'))
    },
  }
}

function joinSide(mesh: Mesh): Side {
  const giveUp = new AbortController()
  const answer = async (text: string) => {
    const joining = await troubleOf(mesh.join(text, { signal: giveUp.signal }))
    root.replaceChildren(
      step('2', 'Let whoever invites scan this answer, or send it back.'),
      shownNote(joining.answer, 'answer'),
      waiting('Waiting for the other device …'),
    )
    void follow(joining)
  }
  const follow = async ({ connected: met }: Joining) => {
    try {
      root.replaceChildren(connected(mesh, await troubleOf(met)))
    } catch (error) {
      root.replaceChildren(trouble(error))
    }
  }
  const taken = takenNote('invitation', 'Join', answer)
  const root = element(
    'div',
    { class: 'steps' },
    step('1', 'Scan or paste the invitation that the other device shows.'),
    taken.root,
  )
  return {
    root,
    close: () => {
      taken.stop()
      giveUp.abort(new Error('closed'))
    },
  }
}

function step(number: string, text: string): HTMLElement {
  return element('p', { class: 'step' }, element('span', { class: 'number' }, number), text)
}

function waiting(text: string): HTMLElement {
  return element('p', { class: 'waiting', role: 'status' }, text)
}

function trouble(error: unknown): HTMLElement {
  const text = error instanceof Error ? error.message : String(error)
  return element('p', { class: 'trouble', role: 'alert' }, text)
}

/** Says who was met, by name once that is known. */
function connected(mesh: Mesh, peer: PeerId): HTMLElement {
  const name = element('strong', {}, peer.slice(0, 6))
  const observation = mesh.presence.observe(({ peers }) => {
    const found = peers.find((each) => each.peer === peer)?.name
    if (!found) return
    name.textContent = found
    queueMicrotask(() => observation.stop())
  })
  return element(
    'p',
    { class: 'connected', role: 'status' },
    element('span', { class: 'light', 'aria-hidden': 'true' }),
    element('span', {}, 'Connected with ', name, '.'),
  )
}
