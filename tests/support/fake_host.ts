// A fake machine and cloud, for whole runs of the program in memory.
import type { Host } from "../../src/host/host.ts";
import { NobodyListens } from "../../src/host/control_socket.ts";
import { accessOf } from "../../src/host/file_access.ts";
import { runProgram } from "../../src/program.ts";
import { VirtualClock } from "./clock.ts";
import { MemorySocket } from "./memory_socket.ts";

/** Instance, key and secret of the runs. */
export const ID = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
  KEY = "EXO1f2e3d4c5b6a",
  SECRET = "aGVsbG8tc2VjcmV0-never-shown";
/** The endpoint that the cloud answers at. */
export const ENDPOINT = ["-xe", "https://cloud.test/v2"];
/** Arguments that every mode needs besides credentials. */
export const COMMON = ["-xi", "198.51.100.50", "-i", ID, ...ENDPOINT];
/** Credentials in variables. */
export const KEYS = { IF_EXOSCALE_API_KEY: KEY, IF_EXOSCALE_API_SECRET: SECRET };

/** The output of a run, and its requests. */
export interface Trace {
  code: number;
  readonly out: string[];
  readonly err: string[];
  readonly log: string[];
  /** Number of log lines that had left when the run ended. */
  flushedCount: number;
  /** Requested URLs and paths. */
  readonly calls: string[];
  /** Operations on PID files and processes. */
  readonly pids: string[];
  /** The rights that were kept, each time that others were given up. */
  readonly kept: (readonly string[])[];
  logTo: "syslog" | "stdout" | null;
}

/** Differences from a machine with credentials and nothing else. */
export interface Situation {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  /** Permissions of files that others can access. */
  readonly modes?: Record<string, number>;
  /** Output of programs, by command line. */
  readonly programs?: Record<string, string>;
  /** The answer of the metadata service. */
  readonly metadata?: string;
  readonly holds?: boolean;
  readonly syslog?: boolean;
  /** Standard output is systemd's journal. */
  readonly journal?: boolean;
  /** Status of the cloud's answers about the instance. */
  readonly cloudStatus?: number;
  readonly os?: Host["os"];
  /** Process ids of running watchdogs by PID file. */
  readonly watchdogs?: Record<string, number>;
  /** How long a watchdog takes to stop. */
  readonly leavesInMs?: number;
  /** Ports can be opened, but nothing answers; by default all are in use. */
  readonly silent?: boolean;
}

/** Runs the program. Files and servers that are not in the situation do not exist. */
export async function run(argv: string[], situation: Situation = {}): Promise<Trace> {
  const { env = KEYS, files = {}, metadata, holds = false, syslog = false, journal = false } =
    situation;
  const {
    cloudStatus = 200,
    os = "linux",
    watchdogs = {},
    leavesInMs = 0,
    modes = {},
    silent = false,
  } = situation;
  const trace: Trace = {
    code: -1,
    out: [],
    err: [],
    log: [],
    flushedCount: 0,
    calls: [],
    pids: [],
    kept: [],
    logTo: null,
  };
  const clock = new VirtualClock({ leaps: true });
  let endsAtMs = Infinity;
  const missing = (what: string) => Promise.reject(new Deno.errors.NotFound(what));
  const elasticIp = { id: "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93", ip: "198.51.100.50" };
  const host: Host = {
    env,
    os,
    clock,
    random: () => 0,
    signals: { listen: () => () => {} },
    machine: {
      root: "/host",
      fetch: (url) => {
        trace.calls.push(url);
        return metadata === undefined ? missing(url) : Promise.resolve(new Response(metadata));
      },
      readTextFile: missing,
      run: (program, args) => {
        const printed = situation.programs?.[[program, ...args].join(" ")];
        return printed === undefined ? missing(program) : Promise.resolve(printed);
      },
    },
    pidFiles: {
      claim: (path) => {
        trace.pids.push(`claim ${path}`);
        if (watchdogs[path]) return Promise.reject(new Error("another watchdog has it"));
        return Promise.resolve(() => void trace.pids.push(`give up ${path}`));
      },
      owner: (path) => clock.nowMs() >= endsAtMs ? null : watchdogs[path] ?? null,
      tellToStop: (pid) => {
        trace.pids.push(`stop ${pid}`);
        endsAtMs = clock.nowMs() + leavesInMs;
      },
    },
    privileges: { keepOnly: (kept) => void trace.kept.push(kept) },
    runCommand: ([program]) => missing(`${program}`),
    serviceManager: null,
    fetch: ({ pathname }) => {
      trace.calls.push(pathname);
      const instance = { id: ID, state: "running", "elastic-ips": holds ? [elasticIp] : [] };
      // Of two parallel requests, always the same one fails.
      const answer = pathname === "/v2/elastic-ip"
        ? Response.json({ "elastic-ips": [elasticIp] })
        : Response.json(instance, { status: cloudStatus });
      return Promise.resolve(answer);
    },
    fetchWithAuthorities: (caCerts) => {
      if (caCerts.some((cert) => cert.includes("BAD"))) throw new TypeError("BadEncoding");
      trace.calls.push(`trusting ${caCerts.length} more`);
      return host.fetch;
    },
    printed: () => Promise.resolve(null),
    print: (stream, line) => void trace[stream].push(line),
    readTextFile(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(`no such file: ${path}`);
      return text;
    },
    fileMode: (path) => path in files ? modes[path] ?? 0o600 : null,
    fileAccess: (path) =>
      accessOf([
        { path: "/", kind: "folder", mode: 0o755, uid: 0, gid: 0 },
        { path, kind: "file", mode: modes[path] ?? 0o600, uid: 0, gid: 0 },
      ], { uid: 0, gid: 0 }),
    terminal: false,
    controlSockets: {
      open: (path) => missing(path),
      ask: (path) => Promise.reject(new NobodyListens(`nobody listens at ${path}`)),
    },
    stateFiles: { write: (path) => missing(path), remove: () => Promise.resolve(false) },
    isCordoned: ({ node }) => missing(node),
    uid: () => 0,
    serveStatus: () => {
      throw new Deno.errors.AddrInUse("address in use");
    },
    openSocket: () => {
      if (silent) return new MemorySocket();
      throw new Deno.errors.AddrInUse("address in use");
    },
    openLog: ({ stdout, format }) => ({
      kind: trace.logTo = syslog && !stdout && (format ?? "text") === "text" ? "syslog" : "stdout",
      needsRight: false,
      format: format ?? (journal && !stdout ? "journald" : "text"),
      setLevel: (next) => void trace.log.push(`level ${next}`),
      write: (severity, event, text) => void trace.log.push(`${severity} ${event}: ${text}`),
      flush: () => Promise.resolve(void (trace.flushedCount = trace.log.length)),
    }),
    interfaces: () => [{ name: "lo", address: "127.0.0.1" }],
    isLocalAddress: () => null,
    nameServers: () => "",
    lookup: (name) => name === "web.test" ? Promise.resolve(["192.0.2.3"]) : missing(name),
  };
  trace.code = await runProgram(argv, host);
  await clock.idle();
  return trace;
}
