// The peers of a snapshot by machine: one with several addresses is a peer at each of them, and these are its paths.
import { type AgeMs, ageText, spanText } from "../core/age.ts";
import { byMachine } from "../core/election/peer.ts";
import type { PeerView } from "./snapshot.ts";

/** A machine, as it was last heard on any path. */
export interface MachineView extends PeerView {
  /** All its paths, at least one. */
  readonly paths: readonly PeerView[];
}

/** The machines, in the order of their first path. */
export function machinesOf(peers: readonly PeerView[]): MachineView[] {
  return byMachine(peers).map((paths) => ({ ...lastHeard(paths), paths }));
}

/** The paths on which a live machine is silent. */
export function silentPaths({ alive, paths }: MachineView): readonly PeerView[] {
  return alive ? paths.filter((path) => !path.alive) : [];
}

/** A path: its network and its address. */
export function pathTitle({ network = null, address }: Partial<PeerView>): string {
  return `${network ?? "public"} ${address}`;
}

/** All paths of a machine for a person; empty if it has only one. */
export function pathsText({ paths }: MachineView): string {
  return paths.length < 2
    ? ""
    : paths.map((path) => `${pathTitle(path)} ${stateOf(path)}`).join(", ");
}

function stateOf({ alive, heardAgeMs }: { alive: boolean; heardAgeMs: AgeMs }): string {
  if (heardAgeMs === null) return "never heard";
  return alive ? ageText(heardAgeMs) : `silent for ${spanText(heardAgeMs)}`;
}

function lastHeard(paths: readonly PeerView[]): PeerView {
  const live = paths.filter(({ alive }) => alive);
  const age = ({ heardAgeMs }: PeerView) => heardAgeMs ?? Infinity;
  const last = (live.length > 0 ? live : paths).reduce((one, other) =>
    age(other) < age(one) ? other : one
  );
  // It hears this node if it does so on one path.
  const both = live.find(({ link }) => link === "both");
  return both ? { ...last, link: both.link, notHearingUsAgeMs: both.notHearingUsAgeMs } : last;
}
