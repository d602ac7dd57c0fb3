// A snapshot as text: what `info`, `--status` and the log show. Every figure with its age.
import type { AddressView, CountView, PeerView, Snapshot } from "./snapshot.ts";
import { type AgeMs, ageText, spanText } from "../core/age.ts";

/** Longest text that goes into one datagram, so that no network has to cut it into pieces. */
export const INFO_MAX_BYTES = 1_400;
/** Changes that the text shows. */
const CHANGES_MAX = 8;

/** One line of the text. */
interface Line {
  readonly text: string;
  /** Whether it may be left out where there is no room. */
  readonly detail: boolean;
}

/** All lines. */
export function statusLines(snapshot: Snapshot): string[] {
  return allLines(snapshot).map(({ text }) => text);
}

/** As many of them as fit into the space, the last ones of peers and changes left out first; the end says how many. */
export function fittedLines(snapshot: Snapshot, maxBytes = INFO_MAX_BYTES): string[] {
  const lines = allLines(snapshot);
  const note = (cut: number) => `and ${cut} more, which exoip --status prints`;
  const size = (kept: readonly Line[]) =>
    new TextEncoder().encode(kept.map(({ text }) => text + "\n").join("")).length;
  if (size(lines) <= maxBytes) return lines.map(({ text }) => text);
  const room = maxBytes - note(lines.length).length - 1;
  const kept = [...lines];
  while (size(kept) > room) {
    const last = kept.findLastIndex(({ detail }) => detail);
    kept.splice(last < 0 ? kept.length - 1 : last, 1);
  }
  return [...kept.map(({ text }) => text), note(lines.length - kept.length)];
}

function allLines(snapshot: Snapshot): Line[] {
  const must = (text: string): Line => ({ text, detail: false });
  const { addresses, checks, changes } = snapshot;
  return [
    ...addresses.flatMap((address) => addressLines(address, snapshot)),
    ...left(snapshot.addressesLeftOut, "addresses"),
    must(heartbeatLine(snapshot)),
    must(programLine(snapshot)),
    ...checks.map(({ name, state, ageMs, reason }) =>
      must(`check ${name} ${state}, last result ${ageText(ageMs)}${reason && `: ${reason}`}`)
    ),
    ...changes.slice(-CHANGES_MAX).map(({ event, text, ageMs }): Line => ({
      text: `change ${ageText(ageMs)}: ${event}: ${text}`,
      detail: true,
    })),
  ];
}

function addressLines(view: AddressView, { instanceId }: Snapshot): Line[] {
  const yes = (flag: boolean) => flag ? "yes" : "no";
  const known = view.holding === null ? "unknown" : yes(view.holding);
  const holding = view.released
    ? `${known} (released in the cloud)`
    : view.unavailable
    ? `${known} (moved by the cloud itself)`
    : known;
  const others = view.otherHolders.map((holder) => holder.peer ?? holder.instanceId).join(", ");
  const none = view.otherHoldersAgeMs === null ? "unknown" : "none";
  const lines = [
    `address ${view.elasticIp}`,
    `role ${view.role} (${view.reason}), changed ${ageText(view.roleAgeMs)}`,
    `holding ${holding}, cloud read ${ageText(view.holdingAgeMs)}, cloud reachable ${
      yes(view.cloudReachable)
    }, healthy ${yes(view.healthy)}`,
    interfaceLine(view),
    `priority ${view.priority}, interval ${view.intervalMs} ms, dead after ${view.deadTimeMs} ms`,
    `id ${instanceId ?? "unknown"}${twinText(view)}`,
    `other holders ${others || none}, read ${ageText(view.otherHoldersAgeMs)}`,
    `take-overs ${counted(view.takeOvers, view.takeOverAgeMs)}, evictions ${
      counted(view.evictions, view.evictionAgeMs)
    }`,
    `cloud answered ${ageText(view.cloudAgeMs)}, errors ${errorsText(view)}`,
  ];
  return [
    ...lines.map((text) => ({ text, detail: false })),
    ...view.peers.map((peer) => ({ text: peerLine(peer), detail: true })),
    ...left(view.peersLeftOut, "peers"),
    ...view.missingPeers.map(({ peer, gone }) => ({
      text: `peer ${peer} missing${gone ? ", counts as gone" : ""}`,
      detail: true,
    })),
  ];
}

/** A watchdog of another version may know nothing of it. */
function twinText({ twin = null }: Partial<AddressView>): string {
  if (twin === null) return "";
  const proof = twin.proved ? "" : ", which may be forged";
  return `, with which ${twin.address} speaks, too${proof}, since ${ageText(twin.ageMs)}`;
}

function interfaceLine(view: AddressView): string {
  const { onInterface, interfaceAgeMs, interfaceProblem } = view;
  // A watchdog of another version may know nothing of it.
  if (onInterface === null || onInterface === undefined) return "on an interface unknown";
  const where = !onInterface ? "no" : view.interface === null ? "yes" : `yes, ${view.interface}`;
  return `on an interface ${where}, looked ${ageText(interfaceAgeMs)}${
    interfaceProblem && `: ${interfaceProblem}`
  }`;
}

function left(count: number, what: string): Line[] {
  return count === 0 ? [] : [{ text: `${count} more ${what} do not fit here`, detail: false }];
}

function errorsText({ calls }: AddressView): string {
  const errors = calls.flatMap(({ verb, errors }) =>
    errors.map(({ word, count, ageMs }) => `${verb} ${word} ${counted(count, ageMs)}`)
  );
  return errors.join(", ") || "none";
}

function heartbeatLine({ heartbeats }: Snapshot): string {
  const { sent, sentAgeMs, received, receivedAgeMs, refused } = heartbeats;
  const words = refused.map(countText).join(", ") || "none";
  return `heartbeats sent ${counted(sent, sentAgeMs)}, received ${
    counted(received, receivedAgeMs)
  }, refused ${words}`;
}

function programLine({ program, upMs, zone, phase, loop }: Snapshot): string {
  const { version, commit } = program;
  const where = zone === null ? "" : `, zone ${zone}`;
  const notHearingUs = loop.listening ? "" : ", the socket is not read";
  return `exoip ${version} (commit ${commit}), ${phase}, up ${spanText(upMs)}${where}, ` +
    `loop late by ${Math.round(loop.lateMs)} ms, at worst ${
      Math.round(loop.worstLateMs)
    } ms${notHearingUs}`;
}

function counted(count: number, ageMs: AgeMs): string {
  return count === 0 ? "0" : `${count} (${ageText(ageMs)})`;
}

function countText({ word, count, ageMs }: CountView): string {
  return `${word} ${counted(count, ageMs)}`;
}

function peerLine(peer: PeerView): string {
  const { address, alive, priority, heardAgeMs, instanceId, refused } = peer;
  const flags = [
    peer.holds ? "holds" : "",
    peer.leaving ? "leaving" : "",
    peer.unable ? "unable" : "",
    peer.unhealthy ? "unhealthy" : "",
    peer.link === "does-not-hear-us" ? "does not hear us" : "",
    peer.link === "not-heard" ? "lives, but is not heard" : "",
    refused ? `refused ${countText(refused)}` : "",
  ].filter(Boolean);
  const words = [alive ? "alive" : "dead", `priority ${priority ?? "unknown"}`, ...flags];
  const heard = `heard ${ageText(heardAgeMs)}`;
  return `peer ${address} ${words.join(", ")}, ${heard}, instance ${instanceId ?? "unknown"}`;
}
