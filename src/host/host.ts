// The computer that one run of the program is handed: the real one in main.ts, a made-up one in the tests.
import type { Fetch } from "../exoscale/http.ts";
import type { RunCommand } from "./command.ts";
import type { FileAccess } from "./file_access.ts";
import type { HostLog, LogOptions } from "./log.ts";
import type { Machine } from "./metadata.ts";
import type { HostServiceManager } from "./systemd_notify.ts";
import type { PidFiles } from "./pid_file.ts";
import type { Privileges } from "./privileges.ts";
import type { ReadLimits } from "./text_file.ts";
import type { serveStatus } from "./status_server.ts";
import type { Clock, Environment, Signals, UdpSocket } from "../world.ts";

/** The computer that the program runs on. */
export interface Host {
  readonly env: Environment;
  readonly os: typeof Deno.build.os;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: Signals;
  readonly machine: Machine;
  readonly pidFiles: PidFiles;
  readonly privileges: Privileges;
  /** Runs what the operator has named: checks, the command to notify, `ip`. */
  readonly runCommand: RunCommand;
  /** Null when no service manager wants to hear. */
  readonly serviceManager: HostServiceManager | null;
  readonly fetch: Fetch;
  /** One that trusts these certificate authorities (PEM), too; throws when one of them is none. */
  readonly fetchTrusting: (caCerts: readonly string[]) => Fetch;
  /** Whether standard output is a screen. */
  readonly terminal: boolean;
  /** Prints one line to standard output or standard error, in the background: whoever reads it may never do. */
  readonly print: (stream: "out" | "err", line: string) => void;
  /**
   * Resolves when all that was printed is out, at the latest after the time: to why standard output took it not, null
   * when it did, or when nobody reads it any more.
   */
  readonly printed: (withinMs: number) => Promise<string | null>;
  /** Reads a small file, or what a pipe says, at the start. */
  readonly readTextFile: (path: string, limits?: ReadLimits) => string | Promise<string>;
  /** Reads a file again; never a pipe, and never for long. */
  readonly rereadTextFile?: Host["readTextFile"];
  /** Permissions of a file as in chmod(1), null where they cannot be known. */
  readonly fileMode: (path: string) => number | null | Promise<number | null>;
  /** What others may do with a file, null when that cannot be found out; nothing is asked unless given. */
  readonly fileAccess?: (path: string) => FileAccess | null | Promise<FileAccess | null>;
  /** `bufferBytes`: the longest datagram that comes in whole. */
  readonly openSocket: (hostname: string, port: number, bufferBytes?: number) => UdpSocket;
  /** Begins to answer over HTTP; throws when the address cannot be had. */
  readonly serveStatus: typeof serveStatus;
  readonly openLog: (options: LogOptions) => HostLog;
  /** The addresses of this machine, by interface; throws when they cannot be listed. */
  readonly interfaces: () => readonly { readonly name: string; readonly address: string }[];
  /** Whether the kernel keeps what is sent to an address, null when it does not tell. */
  readonly isLocalAddress: (address: string) => boolean | null;
  /**
   * All addresses of a host name, of both families, in their canonical form, within some seconds. Empty when the name
   * servers say that there are none; rejects when that could not be found out.
   */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /** Who is asked for names, for messages: `192.0.2.53 (/etc/resolv.conf)`, empty when it cannot be known. */
  readonly nameServers: () => string;
}
