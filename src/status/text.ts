// A snapshot as text, for `info` and `--status`. First the verdict, then every value with its age.
import type { AddressView, CountView, Snapshot, Verdict } from "./snapshot.ts";
import { BEST_PRIORITY, titleOf } from "../core/election/peer.ts";
import { instanceTitle } from "../core/instance_title.ts";
import { type AgeMs, ageText, durationText, spanText } from "../core/age.ts";
import { leaseRows } from "./lease_view.ts";
import { machinesOf, type MachineView, pathsText } from "./machines.ts";
import { shadowLines } from "./shadow_report.ts";
import { verdictIn, verdictLine } from "./verdict.ts";
import { aligned, cutTo, wrapped } from "./table.ts";

/** Longest text that fits into one datagram without fragmentation. */
export const INFO_MAX_BYTES = 1_400;
/** Longest line except the first. */
export const TEXT_WIDTH = 100;
/** Most changes and problems that the text shows. */
const CHANGES_MAX = 8, PROBLEMS_MAX = 8;

/** One line of the text. */
interface Line {
  readonly text: string;
  /** Whether it may be left out to save space. */
  readonly detail: boolean;
}

/** How much to show. */
export interface TextOptions {
  /** Also show instance ids, and lines of any length. */
  readonly verbose?: boolean;
}

/** All lines. */
export function statusLines(snapshot: Snapshot, options: TextOptions = {}): string[] {
  return allLines(snapshot, options).map(({ text }) => text);
}

/** As many lines as fit. The last peers and changes are left out first; the end says how many. */
export function fittedLines(snapshot: Snapshot, maxBytes = INFO_MAX_BYTES): string[] {
  const lines = allLines(snapshot, {});
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

function allLines(snapshot: Snapshot, { verbose = false }: TextOptions): Line[] {
  const { addresses } = snapshot;
  const fit = (text: string) => verbose ? text : cutTo(text, TEXT_WIDTH);
  const rest = [
    ...addresses.flatMap((view) => addressLines(view, { snapshot, verbose })),
    ...left(snapshot.addressesLeftOut, "addresses"),
    ...must(aligned(programRows(snapshot))),
    ...must(aligned(checkRows(snapshot))),
    ...changeLines(snapshot),
  ];
  const verdict = verdictIn(snapshot);
  return [
    { text: verdictLine(verdict), detail: false },
    ...problemLines(verdict),
    ...rest.map(({ text, detail }) => ({ text: fit(text), detail })),
  ];
}

/** The verdict shows the first problem; if there are more, list all of them. */
function problemLines({ problems }: Verdict): Line[] {
  if (problems.length < 2) return [];
  const rows = problems.slice(0, PROBLEMS_MAX).map(({ level, text }) => [level, text]);
  return indented(aligned(rows)).map((text) => ({ text: cutTo(text, TEXT_WIDTH), detail: true }));
}

function must(texts: readonly string[]): Line[] {
  return texts.map((text) => ({ text, detail: false }));
}

function addressLines(
  view: AddressView,
  { snapshot, verbose }: { snapshot: Snapshot; verbose: boolean },
): Line[] {
  const { instanceId } = snapshot;
  // A watchdog of another version may not send this field.
  const { movesWith = [] }: Partial<AddressView> = view;
  const rows = [
    ...(verbose ? [["instance", instanceId ?? "unknown"]] : []),
    ...(twinText(view) ? [["twin", twinText(view)]] : []),
    ["role", `${view.role} (${view.reason}) for ${ageSpan(view.roleAgeMs)}${detailText(view)}`],
    ...(movesWith.length > 0 ? [["together", `with ${movesWith.join(", ")}`]] : []),
    ["holding", `${holdingText(view)}, read ${ageText(view.holdingAgeMs)}`],
    ["interface", interfaceText(view)],
    ["healthy", view.healthy ? "yes" : "no"],
    ...asideRows(view),
    ["cloud", cloudText(view)],
    ...leaseRows(view, verbose),
    ["others", othersText(view)],
    ["settings", settingsText(view)],
    ["moves", movesText(view)],
  ];
  return [
    ...must(["", view.elasticIp, ...indented(aligned(rows))]),
    ...peerLines(view, verbose),
    ...left(view.peersLeftOut, "peers"),
    ...comparisonLines(view),
    ...view.missingPeers.map(({ peer, gone }) => ({
      text: `  peer ${peer} is missing${gone ? ", and counts as gone" : ""}`,
      detail: true,
    })),
    ...must([""]),
  ];
}

/** How a shadow's decisions differ. A watchdog of another version may not send this field. */
function comparisonLines({ comparison, elasticIp }: AddressView): Line[] {
  const texts = comparison ? shadowLines(comparison, elasticIp) : [];
  return texts.flatMap((text) => wrapped(`  ${text}`, TEXT_WIDTH, 6))
    .map((text) => ({ text, detail: true }));
}

/** A watchdog of another version may not send this field. */
function asideRows({ aside = null }: Partial<AddressView>): string[][] {
  if (aside === null) return [];
  const { kind, by, reason, ageMs } = aside;
  return [[kind, `by ${by} ${ageText(ageMs)}${reason && `: ${reason}`}`]];
}

/** A watchdog of another version may not send this field. */
function twinText({ twin = null }: Partial<AddressView>): string {
  if (twin === null) return "";
  const proof = twin.proved ? "" : ", which may be forged";
  return `${twin.address} has the same id${proof}, since ${ageText(twin.ageMs)}`;
}

/** A watchdog of another version may not send this field. */
function detailText({ reasonDetail = "" }: Partial<AddressView>): string {
  return reasonDetail && `: ${reasonDetail}`;
}

function indented(texts: readonly string[]): string[] {
  return texts.map((text) => `  ${text}`);
}

function ageSpan(ageMs: AgeMs): string {
  return ageMs === null ? "an unknown time" : spanText(ageMs);
}

function holdingText({ holding, released, unavailable }: AddressView): string {
  const known = holding === null ? "unknown" : holding ? "yes" : "no";
  if (released) return `${known} (released in the cloud)`;
  return unavailable ? `${known} (moved by the cloud itself)` : known;
}

function interfaceText(view: AddressView): string {
  const { onInterface, interfaceAgeMs, interfaceProblem } = view;
  // A watchdog of another version may not send this field.
  if (onInterface === null || onInterface === undefined) return "unknown";
  const where = !onInterface ? "none has the address" : view.interface ?? "this machine has it";
  return `${where}, looked ${ageText(interfaceAgeMs)}${
    interfaceProblem && `: ${interfaceProblem}`
  }`;
}

function cloudText(view: AddressView): string {
  const reachable = view.cloudReachable ? "reachable" : "not reachable";
  return `${reachable}, answered ${ageText(view.cloudAgeMs)}, errors ${errorsText(view)}`;
}

function errorsText({ calls }: AddressView): string {
  const errors = calls.flatMap(({ verb, errors }) =>
    errors.map(({ word, count, ageMs }) => `${verb} ${word} ${counted(count, ageMs)}`)
  );
  return errors.join(", ") || "none";
}

/** Other instances that hold the address. */
function othersText({ otherHolders, otherHoldersAgeMs, peers }: AddressView): string {
  if (otherHoldersAgeMs === null) return "not known whom else the cloud shows";
  const titles = otherHolders.map(({ peer, instanceId, name }) => {
    const known = peers.find(({ address }) => address === peer);
    if (known) return titleOf(known);
    return peer ?? instanceTitle({ instanceId, ...(name && { name }) });
  });
  const who = titles.join(" and ") || "nobody else";
  return `the cloud shows ${who}, read ${ageText(otherHoldersAgeMs)}`;
}

function settingsText({ priority, intervalMs, deadTimeMs }: AddressView): string {
  const [interval, dead] = [intervalMs, deadTimeMs].map(durationText);
  return `priority ${priority}, interval ${interval}, dead after ${dead}`;
}

function movesText(view: AddressView): string {
  const takeOvers = counted(view.takeOvers, view.takeOverAgeMs);
  // A watchdog of another version may not send this field.
  const { limitedForMs = null } = view as Partial<AddressView>;
  const limit = limitedForMs === null ? "" : `, limited for ${durationText(limitedForMs)} more`;
  return `take-overs ${takeOvers}, evictions ${
    counted(view.evictions, view.evictionAgeMs)
  }${limit}`;
}

/** One row per machine, with a header; its paths below, if it has several. */
function peerLines({ peers }: AddressView, verbose: boolean): Line[] {
  if (peers.length === 0) return must(["  no peers"]);
  const machines = machinesOf(peers);
  const inStore = peers.some(({ link }) => link === "listed" || link === "unlisted");
  const seen = inStore ? "IN THE STORE" : "HEARD";
  const head = ["PEER", "STATE", "PRIORITY", "HOLDS", seen, "NOTES"];
  const rows = machines.map((peer) => peerCells(peer, verbose));
  const [first = "", ...texts] = indented(aligned([head, ...rows]));
  return [
    { text: first, detail: false },
    ...texts.flatMap((text, index) => {
      const machine = machines[index], paths = machine ? pathsText(machine) : "";
      return (paths === "" ? [text] : [text, `    ${paths}`]).map((line) => ({
        text: line,
        detail: true,
      }));
    }),
  ];
}

function peerCells(peer: MachineView, verbose: boolean): string[] {
  const { alive, holds, heardAgeMs, priority, instanceId } = peer;
  const own = peer.ownPriority ?? priority;
  const state = alive ? "live" : heardAgeMs === null ? "unheard" : "dead";
  // What a dead peer said last is no news.
  const held = holds === null || !alive ? "-" : holds ? "yes" : "no";
  const notes = [
    ...notesOn(peer),
    ...(verbose ? [`instance ${instanceId ?? "unknown"}`] : []),
  ].join(", ");
  const cells = [titleOf(peer), state, own === null ? "-" : `${own}`, held, ageText(heardAgeMs)];
  return [...cells, notes];
}

/** Problems of a peer. */
function notesOn(peer: MachineView): string[] {
  const { alive, priority, ownPriority, refused, unable, unhealthy, leaving } = peer;
  const back = alive && ownPriority !== null && ownPriority !== undefined &&
    priority !== ownPriority && priority !== BEST_PRIORITY && !unable && !unhealthy && !leaving;
  const keeps = alive && priority === BEST_PRIORITY && priority !== (ownPriority ?? priority);
  return [
    leaving ? "leaving" : "",
    keeps ? "keeps it (--move-limit)" : "",
    unable ? "cannot take the address" : "",
    unhealthy ? "unhealthy" : "",
    back ? "stands back" : "",
    peer.link === "does-not-hear-us" ? "does not hear us" : "",
    peer.link === "not-heard" ? "lives, but is not heard" : "",
    refused ? `refused ${countText(refused)}` : "",
  ].filter(Boolean);
}

function left(count: number, what: string): Line[] {
  return count === 0 ? [] : must([`  ${count} more ${what} do not fit here`]);
}

/** Values of the watchdog itself. */
function programRows(snapshot: Snapshot): string[][] {
  const { program, instanceName = null, upMs, zone, phase, loop, heartbeats } = snapshot;
  const { sent, sentAgeMs, received, receivedAgeMs, refused } = heartbeats;
  const where = [
    instanceName === null ? "" : `, on ${instanceName}`,
    zone === null ? "" : `, zone ${zone}`,
  ].join("");
  const unread = loop.listening ? "" : ", the socket is not read";
  const [late, worst] = [loop.lateMs, loop.worstLateMs].map(durationText);
  return [
    [
      "watchdog",
      `exoip ${program.version} (commit ${program.commit}), ${phase}, up ${spanText(upMs)}${where}`,
    ],
    ["loop", `late by ${late}, at worst ${worst}${unread}`],
    [
      "heartbeats",
      `sent ${counted(sent, sentAgeMs)}, received ${counted(received, receivedAgeMs)}, refused ${
        refused.map(countText).join(", ") || "none"
      }`,
    ],
  ];
}

function checkRows({ checks }: Snapshot): string[][] {
  return checks.map(({ name, state, ageMs, reason }) => [
    `check ${name}`,
    `${state}, ${ageText(ageMs)}${reason && `: ${reason}`}`,
  ]);
}

function changeLines({ changes }: Snapshot): Line[] {
  const rows = changes.slice(-CHANGES_MAX).map(({ event, text, ageMs }) => [
    ...[ageText(ageMs), event, text],
  ]);
  if (rows.length === 0) return [];
  return [
    ...must(["", "last changes"]),
    ...indented(aligned(rows)).map((text) => ({ text, detail: true })),
  ];
}

function counted(count: number, ageMs: AgeMs): string {
  return count === 0 ? "0" : `${count} (${ageText(ageMs)})`;
}

function countText({ word, count, ageMs }: CountView): string {
  return `${word} ${counted(count, ageMs)}`;
}
