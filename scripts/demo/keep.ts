// What can be tried on the cluster that --keep leaves up.
import type { ClusterNode } from "../../tests/support/cluster.ts";
import { exoipCommand } from "../../tests/support/process.ts";

/** How long a node that ended stays down: long enough to see what the others do. */
export const RESTART_MS = 10_000;

/** A cluster that stays. */
export interface Kept {
  readonly port: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly instance: Pick<ClusterNode["instance"], "address">;
    readonly process: { readonly pid: number } | null;
  }[];
}

/** Commands, ready to be copied. */
export function keepLines({ nodes, port }: Kept): string[] {
  const [first] = nodes;
  const pid = first?.process?.pid ?? 0;
  const name = first?.name ?? "";
  const rows = [
    [`kill -9 ${pid}`, `${name} crashes: another node takes over`],
    [`kill ${pid}`, `${name} hands over, then ends`],
    [`kill -STOP ${pid}`, `${name} hangs; kill -CONT ${pid} wakes it up`],
    [`kill -USR2 ${pid}`, `priority + 1 (worse); kill -USR1 ${pid} for - 1`],
  ] as const;
  return [
    "",
    "The cluster stays up until Ctrl+C. A node that ended is started again",
    `${RESTART_MS / 1_000} s later.`,
    ...nodes.map(({ name, instance, process }) =>
      `  ${name}   process ${process?.pid}, at ${instance.address}:${port}`
    ),
    "",
    "Try in another terminal, and watch the lines here:",
    ...rows.map(([command, what]) => `  ${command.padEnd(20)}${what}`),
    "",
    `See what ${name} knows:`,
    `  ${statusCommand()} --status -l ${first?.instance.address}:${port}`,
    "It says CRITICAL, since no interface of this machine has the address. For",
    "a demo that is right: leave it so.",
    "",
  ];
}

/** As short as it works from the root of the repository. */
function statusCommand(): string {
  const [program, args] = exoipCommand();
  if (args.length === 0) return program;
  // Deno that npx has brought is on nobody's path.
  const brought = /[\\/]_npx[\\/]/.test(program);
  return `${brought ? `npx -y deno@${Deno.version.deno}` : "deno"} run --allow-all main.ts`;
}
