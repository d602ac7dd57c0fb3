// How the process fits into its machine.
import { SEVERITIES } from "../core/registry/events.ts";
import { canonicalIp } from "../core/ip.ts";
import { choice, flag, type Option, parsed, plain } from "./option.ts";

/** Where the status is served over HTTP. */
export interface StatusAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Longest path of a Unix socket. */
const PATH_MAX_BYTES = 107;

/** Options for how the process fits into its machine. */
export const OPERATING = [
  plain({
    name: "config",
    group: "packaging",
    kind: "text",
    variables: ["IF_CONFIG"],
    value: "FILE",
    help: "TOML file that sets options by their names; flags and variables override it",
  }),
  plain({
    name: "env-file",
    group: "packaging",
    kind: "text",
    variables: ["IF_ENV_FILE"],
    value: "FILE",
    help: "file of VARIABLE=value lines, read as systemd reads it; overrides the environment",
  }),
  choice({
    name: "log-format",
    group: "status",
    key: "logFormat",
    variables: ["IF_LOG_FORMAT"],
    choices: ["text", "json", "journald"],
    usual: null,
    fallback: "text, as a service of systemd journald",
    help: "format of the log; json and journald write to standard output",
  }),
  choice({
    name: "log-level",
    group: "status",
    key: "logLevel",
    variables: ["IF_LOG_LEVEL"],
    choices: SEVERITIES,
    usual: "info",
    help: "lowest severity that is logged",
    reload: "logLevel",
  }),
  parsed({
    name: "pid-file",
    group: "packaging",
    key: "pidFile",
    variables: ["IF_PID_FILE"],
    value: "FILE",
    help: "file with the process id of the watchdog, locked while it runs",
    read: (reader) => reader.value("pid-file"),
  }),
  parsed({
    name: "history-file",
    group: "status",
    key: "historyFile",
    variables: ["IF_HISTORY_FILE"],
    value: "FILE",
    help: "keep who held when over restarts, in this file and FILE.1, of 512 KiB each",
    read: (reader) => reader.value("history-file"),
  }),
  parsed({
    name: "control-socket",
    group: "operation",
    key: "controlSocket",
    variables: ["IF_CONTROL_SOCKET"],
    value: "PATH",
    fallback: "/run/exoip/PORT.sock",
    help: "Unix socket on which the watchdog takes --demote, --promote, --drain and --undrain; " +
      "none: off",
    read(reader): string | null {
      const text = reader.value("control-socket");
      const long = new TextEncoder().encode(text ?? "").length;
      const usable = text === null || text === "none" ||
        (text.startsWith("/") && long <= PATH_MAX_BYTES);
      const wanted = `an absolute path of at most ${PATH_MAX_BYTES} bytes, or none`;
      reader.need(usable, "control-socket", `${JSON.stringify(text)} is not ${wanted}`);
      return text;
    },
    watchdogOnly: true,
  }),
  parsed({
    name: "state-dir",
    group: "operation",
    key: "stateDir",
    variables: ["IF_STATE_DIR"],
    value: "DIR",
    fallback: "/var/lib/exoip",
    help: "folder in which --drain is recorded; a service of systemd uses its StateDirectory",
    read(reader): string | null {
      const text = reader.value("state-dir");
      const usable = text === null || text.startsWith("/");
      reader.need(usable, "state-dir", `${JSON.stringify(text)} is not an absolute path`);
      return text;
    },
    watchdogOnly: true,
  }),
  parsed({
    name: "drain-on",
    group: "operation",
    key: "drainOn",
    variables: ["IF_DRAIN_ON"],
    value: "cordon",
    help: "cordon: drained while the Kubernetes node of this pod is cordoned",
    read(reader): "cordon" | null {
      const text = reader.value("drain-on");
      const known = text === null || text === "cordon";
      reader.need(known, "drain-on", `${JSON.stringify(text)} is not cordon`);
      return text === "cordon" ? text : null;
    },
    watchdogOnly: true,
  }),
  parsed({
    name: "kubernetes-node",
    group: "operation",
    key: "kubernetesNode",
    variables: ["IF_KUBERNETES_NODE", "NODE_NAME"],
    value: "NAME",
    help: "name of the node for --drain-on cordon",
    read: (reader) => reader.value("kubernetes-node"),
    watchdogOnly: true,
  }),
  parsed({
    name: "listen-status",
    group: "status",
    key: "listenStatus",
    variables: ["IF_LISTEN_STATUS"],
    value: "[HOST]:PORT",
    help:
      "serve a page, /metrics, /healthz, /readyz, /status.json and /history.json over HTTP; :PORT alone means loopback",
    read(reader): StatusAddress | null {
      const text = reader.value("listen-status");
      if (text === null) return null;
      const match = /^(?:([\d.]+|localhost)|\[([\da-f:.]+)\])?:(\d{1,5})$/i.exec(text);
      const host = (match?.[1] ?? match?.[2] ?? "127.0.0.1").toLowerCase();
      const hostname = host === "localhost" ? "127.0.0.1" : canonicalIp(host);
      const port = Number(match?.[3]);
      const wanted = "[HOST]:PORT with an IP address (IPv6 in brackets) or localhost";
      reader.need(
        hostname !== null && port >= 1 && port <= 65_535,
        "listen-status",
        `${JSON.stringify(text)} is not ${wanted}`,
      );
      return { hostname: hostname ?? "", port };
    },
  }),
  flag({
    name: "shadow",
    group: "status",
    key: "shadow",
    variables: ["IF_SHADOW"],
    help: "with -W: change nothing, say what would be done, and compare it with what happens",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];
