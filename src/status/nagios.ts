// A verdict in the format of monitoring plugins (Nagios, Icinga, Checkmk, Zabbix' agent): one line with performance
// data after a bar, then the other problems. Source: the Monitoring Plugins Development Guidelines.
import { machinesOf } from "./machines.ts";
import { plain } from "../core/plain.ts";
import { secondsOf } from "./metric_family.ts";
import type { AddressView, Snapshot, Verdict } from "./snapshot.ts";

/** Longest line of problems; a longer first line is cut before its performance data. */
const TEXT_MAX_CHARS = 400;
/** Most problems that are listed. */
const PROBLEMS_MAX = 20;

/** The lines of the plugin's output. */
export function pluginLines({ level, text, problems }: Verdict, snapshot: Snapshot): string[] {
  return [
    `EXOIP ${level} - ${shown(text)} | ${performanceData(snapshot).join(" ")}`,
    ...problems.slice(0, PROBLEMS_MAX).map((each) => `${each.level}: ${shown(each.text)}`),
  ];
}

/** Replaces bars: a bar would start the performance data. */
function shown(text: string): string {
  return plain(text, TEXT_MAX_CHARS).replaceAll("|", "/");
}

/** `label=value[unit]`, prefixed with the address where there are several. */
function performanceData({ addresses, loop, upMs, heartbeats }: Snapshot): string[] {
  const refused = heartbeats.refused.reduce((sum, { count }) => sum + count, 0);
  return [
    ...addresses.flatMap((view) => {
      const before = addresses.length > 1 ? `${view.elasticIp} ` : "";
      return addressData(view).map(([label, value]) => `'${before}${label}'=${value}`);
    }),
    `'loop_lag'=${seconds(loop.lateMs)}`,
    `'datagrams_refused'=${refused}c`,
    `'up'=${seconds(upMs)}`,
  ];
}

function addressData(view: AddressView): (readonly [label: string, value: string | number])[] {
  const heard = view.peers.flatMap(({ alive, heardAgeMs }) => alive ? heardAgeMs ?? [] : []);
  const errors = view.calls.flatMap((call) => call.errors)
    .reduce((sum, { count }) => sum + count, 0);
  const machines = machinesOf(view.peers);
  const live = machines.filter(({ alive }) => alive).length;
  return [
    ["holding", Number(view.holding === true)],
    ["master", Number(view.role === "master")],
    ["peers_live", `${live};;;0;${machines.length}`],
    ...(heard.length > 0 ? [["heartbeat_age", seconds(Math.max(...heard))] as const] : []),
    ...(view.cloudAgeMs === null ? [] : [["cloud_age", seconds(view.cloudAgeMs)] as const]),
    ["api_errors", `${errors}c`],
    ...leaseData(view),
    ["take_overs", `${view.takeOvers}c`],
    ["evictions", `${view.evictions}c`],
  ];
}

/** None without a lease. A watchdog of another version may not send this field. */
function leaseData(
  { lease = null }: Partial<AddressView>,
): (readonly [label: string, value: string | number])[] {
  if (lease === null) return [];
  const { owned, renewalAgeMs, calls, lostCount } = lease;
  const errors = calls.flatMap((call) => call.errors).reduce((sum, { count }) => sum + count, 0);
  return [
    ["lease_owned", Number(owned)],
    ...(renewalAgeMs === null ? [] : [["lease_renewal_age", seconds(renewalAgeMs)] as const]),
    ["lease_lost", `${lostCount}c`],
    ["store_errors", `${errors}c`],
  ];
}

function seconds(ms: number): string {
  return `${secondsOf(ms)}s`;
}
