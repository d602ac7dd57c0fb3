// All events in a laboratory, in their order, to explain a failed cell.
import type { Laboratory } from "./laboratory.ts";

/** A line for each event, with the seconds since the fault began. */
export function storyOf(
  lab: Laboratory,
  { startedAtMs, beganAtMs, connectedAtMs, lines = [] }: {
    startedAtMs: number;
    beganAtMs: number;
    connectedAtMs: number;
    /** Lines of processes outside the cluster. */
    lines?: readonly { readonly atMs: number; readonly text: string }[];
  },
): string {
  const { cluster, front, nameServers } = lab;
  const machine = (from: string) => {
    const number = lab.machineOf(from);
    return number === undefined ? from : cluster.nodes[number - 1]?.name ?? `probe ${number}`;
  };
  const holder = (id: string) =>
    cluster.nodes.find(({ instance }) => instance.id === id)?.name ?? id;
  const events = [
    { atMs: beganAtMs, text: "the fault begins" },
    { atMs: connectedAtMs, text: "the cloud can be reached" },
    ...lines,
    ...front.arrivals.map((each) => ({
      atMs: each.atMs,
      text: `${machine(each.from)} ${each.from}:${each.port} ${each.protocol} ${each.method} ${
        each.path.replace(/^https:\/\/[^/]*/, "")
      } ${each.status}`,
    })),
    ...front.notes.map(({ atMs, text }) => ({ atMs, text: `front end: ${text}` })),
    ...nameServers.flatMap(({ asked }, index) =>
      asked.map(({ atMs, name, type, transport, from }) => ({
        atMs,
        text: `name server ${index + 1}: ${
          machine(from.split(":")[0] ?? "")
        } asks for ${name} ${type} (${transport})`,
      }))
    ),
    ...cluster.server.model.history.map(({ atMs, holders }) => ({
      atMs,
      text: `cloud: ${holders.map(holder).join("+") || "nobody"} holds`,
    })),
    ...cluster.nodes.flatMap(({ name, lines }) =>
      lines.map(({ atMs, text }) => ({ atMs, text: `${name}: ${text}` }))
    ),
  ];
  return events.filter(({ atMs }) => atMs >= startedAtMs).sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${((atMs - beganAtMs) / 1000).toFixed(2)} s ${text}`).join("\n");
}
