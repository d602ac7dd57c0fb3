// The machine as the program sees it: the real one in main.ts, a simulated one in the tests.
import type { Fetch } from "../exoscale/http.ts";
import type { ControlSockets } from "./control_socket.ts";
import type { isCordoned } from "./kubernetes.ts";
import type { RunCommand } from "./command.ts";
import type { FileAccess } from "./file_access.ts";
import type { HostLog, LogOptions } from "./log.ts";
import type { Machine } from "./metadata.ts";
import type { HostServiceManager } from "./systemd_notify.ts";
import type { PidFiles } from "./pid_file.ts";
import type { Privileges } from "./privileges.ts";
import type { ReadLimits } from "./text_file.ts";
import type { StateFiles } from "./state_files.ts";
import type { serveStatus } from "./status_server.ts";
import type { Clock, Environment, Signals, UdpSocket } from "../world.ts";

/** The machine that the program runs on. */
export interface Host {
  readonly env: Environment;
  readonly os: typeof Deno.build.os;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: Signals;
  readonly machine: Machine;
  readonly pidFiles: PidFiles;
  readonly privileges: Privileges;
  /** Runs programs: checks, the command of --notify, `ip`. */
  readonly runCommand: RunCommand;
  /** Null without a service manager. */
  readonly serviceManager: HostServiceManager | null;
  readonly fetch: Fetch;
  /** A `fetch` that also trusts these certificate authorities (PEM); throws when one of them is not a certificate. */
  readonly fetchWithAuthorities: (caCerts: readonly string[]) => Fetch;
  /** Uses no proxy for these hosts; to be called before the first request to them. If left out, there is no proxy. */
  readonly keepDirect?: (hostnames: readonly string[]) => void;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Prints one line to standard output or standard error, in the background, because the reader may stall. */
  readonly print: (stream: "out" | "err", line: string) => void;
  /**
   * Resolves when all printed lines are out, at the latest after `withinMs`. Resolves to why standard output failed, or
   * to null when it did not, or when its reader is gone.
   */
  readonly printed: (withinMs: number) => Promise<string | null>;
  /** Reads a small file or a pipe, at the start. */
  readonly readTextFile: (path: string, limits?: ReadLimits) => string | Promise<string>;
  /** Reads a file again: never a pipe, and never for long. */
  readonly rereadTextFile?: Host["readTextFile"];
  /** Permissions of a file as in chmod(1), null where they cannot be known. */
  readonly fileMode: (path: string) => number | null | Promise<number | null>;
  /** What others may do with a file, null when that is unknown. If left out, access is not checked. */
  readonly fileAccess?: (path: string) => FileAccess | null | Promise<FileAccess | null>;
  /** `bufferBytes`: the longest datagram that is received whole. */
  readonly openSocket: (hostname: string, port: number, bufferBytes?: number) => UdpSocket;
  /** Where a watchdog takes commands of this machine. */
  readonly controlSockets: ControlSockets;
  /** Files that a command leaves for the watchdog. */
  readonly stateFiles: StateFiles;
  /** Whether a Kubernetes node is cordoned. */
  readonly isCordoned: typeof isCordoned;
  /** Who runs this process, null where that is unknown. */
  readonly uid: () => number | null;
  /** Starts an HTTP server; throws when it cannot bind the address. */
  readonly serveStatus: typeof serveStatus;
  readonly openLog: (options: LogOptions) => HostLog;
  /** The addresses of this machine, by interface; throws when they cannot be listed. */
  readonly interfaces: () => readonly { readonly name: string; readonly address: string }[];
  /** Whether the kernel accepts traffic to an address as its own, null when it does not say. */
  readonly isLocalAddress: (address: string) => boolean | null;
  /**
   * All addresses of a host name, of both families, in canonical form, within some seconds. Empty when the name servers
   * say that there are none; rejects when they do not answer.
   */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /** The name servers, for messages: `192.0.2.53 (/etc/resolv.conf)`, empty when unknown. */
  readonly nameServers: () => string;
}
