// The edge: the real computer is put together, one run is made, the exit code goes out.
import { lookup } from "node:dns/promises";
import type { Host } from "./src/host.ts";
import { systemClock } from "./src/host/clock.ts";
import { runCommand } from "./src/host/command.ts";
import { fetchTrusting, plainFetch } from "./src/host/fetch.ts";
import { fileMode } from "./src/host/file_mode.ts";
import { openLink } from "./src/host/link.ts";
import { writesToJournal } from "./src/host/journal.ts";
import { isLocalAddress } from "./src/host/local_address.ts";
import { openLog } from "./src/host/log.ts";
import { localMachine } from "./src/host/metadata.ts";
import { openSupervisor } from "./src/host/notify.ts";
import { pidFiles } from "./src/host/pid_file.ts";
import { keepPlainRequestsDirect } from "./src/host/proxy.ts";
import { processPrivileges } from "./src/host/privileges.ts";
import { processSignals } from "./src/host/signals.ts";
import { readTextFile } from "./src/host/text_file.ts";
import { serveStatus } from "./src/host/status_server.ts";
import { runProgram } from "./src/program.ts";

/** The computer that we run on. */
export function thisComputer(): Host {
  return {
    env: Deno.env.toObject(),
    os: Deno.build.os,
    clock: systemClock,
    random: Math.random,
    signals: processSignals,
    machine: localMachine,
    pidFiles,
    privileges: processPrivileges,
    runCommand,
    supervisor: openSupervisor(Deno.env.toObject()),
    fetch: plainFetch,
    fetchTrusting,
    terminal: Deno.stdout.isTerminal(),
    print: (stream, line) => stream === "out" ? console.log(line) : console.error(line),
    readTextFile,
    fileMode,
    openLink,
    openLog: (options) => openLog({ ...options, journal: writesToJournal(Deno.env.toObject()) }),
    interfaces: () => Deno.networkInterfaces(),
    isLocalAddress,
    serveStatus,
    lookup: async (name) => (await lookup(name, { family: 4 })).address,
  };
}

if (import.meta.main) {
  const host = thisComputer();
  keepPlainRequestsDirect(Deno.env);
  Deno.exit(await runProgram(Deno.args, host));
}
