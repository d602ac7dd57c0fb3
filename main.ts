// The entry point: builds the real host, runs the program once, exits with its code.
// This import must come first.
import "./src/host/hear_first.ts";
import type { Host } from "./src/host/host.ts";
import { systemClock } from "./src/host/clock.ts";
import { runCommand } from "./src/host/command.ts";
import { controlSockets } from "./src/host/control_socket.ts";
import { fetchWithAuthorities } from "./src/host/fetch.ts";
import { fileAccess } from "./src/host/file_access.ts";
import { fileMode } from "./src/host/file_mode.ts";
import { openSocket } from "./src/host/udp_socket.ts";
import { isCordoned } from "./src/host/kubernetes.ts";
import { writesToJournal } from "./src/host/journal.ts";
import { isLocalAddress } from "./src/host/local_address.ts";
import { adoptOrphans } from "./src/host/orphans.ts";
import { openLog } from "./src/host/log.ts";
import { localMachine } from "./src/host/metadata.ts";
import { hurryResolver, systemNameSources } from "./src/host/name_sources.ts";
import { openServiceManager } from "./src/host/systemd_notify.ts";
import { pidFiles } from "./src/host/pid_file.ts";
import { openPrinter } from "./src/host/printer.ts";
import { keepDirect, keepPlainRequestsDirect } from "./src/host/proxy.ts";
import { processPrivileges } from "./src/host/privileges.ts";
import { processSignals } from "./src/host/signals.ts";
import { readTextFile, rereadTextFile } from "./src/host/text_file.ts";
import { stateFiles } from "./src/host/state_files.ts";
import { serveStatus } from "./src/host/status_server.ts";
import { runProgram } from "./src/program.ts";
import { isUnstamped } from "./src/host/unstamped.ts";
import { Names } from "./src/transport/names.ts";
import { VERSION } from "./src/version.ts";

/** The real computer. */
export function thisComputer(env: Readonly<Record<string, string>> = Deno.env.toObject()): Host {
  const clock = systemClock;
  const names = new Names(systemNameSources(), clock);
  const lookUp = (name: string) => names.lookUp(name);
  // Peers can have many names; names without an answer must not delay the lookup of the cloud's.
  const peerNames = new Names(systemNameSources(), clock, { systemMax: 12 });
  const variables = Deno.env.toObject();
  const { out, print, printed } = openPrinter();
  const options = { clock, lookUp, variables, userAgent: `exoip/${VERSION}` };
  return {
    env,
    os: Deno.build.os,
    clock,
    random: Math.random,
    signals: processSignals,
    machine: localMachine,
    pidFiles,
    privileges: processPrivileges,
    runCommand,
    serviceManager: openServiceManager(env),
    fetch: fetchWithAuthorities([], options),
    fetchWithAuthorities: (caCerts) => fetchWithAuthorities(caCerts, options),
    keepDirect,
    terminal: Deno.stdout.isTerminal(),
    print,
    printed,
    readTextFile,
    rereadTextFile,
    fileMode,
    fileAccess,
    openSocket,
    openLog: (options) =>
      openLog({ ...options, journal: writesToJournal(env), timed: isUnstamped(), writer: out }),
    interfaces: () => Deno.networkInterfaces(),
    isLocalAddress,
    controlSockets,
    isCordoned,
    stateFiles,
    uid: () => Deno.uid(),
    serveStatus,
    lookup: (name) => peerNames.lookUp(name),
    nameServers: () => names.servers,
  };
}

if (import.meta.main) {
  const given = Deno.env.toObject();
  keepPlainRequestsDirect(Deno.env);
  hurryResolver(Deno.env);
  const host = thisComputer(given);
  if (Deno.pid === 1 && Deno.build.os === "linux" && !adoptOrphans()) {
    host.print("err", "exoip: process 1 cannot collect dead processes here: run it under an init");
  }
  Deno.exit(await runProgram(Deno.args, host));
}
