// A fake machine with the simulated Exoscale, examined by `--doctor` in one run of the program.
import { decode, encode, type Trailer } from "../../src/core/heartbeat.ts";
import type { Host } from "../../src/host/host.ts";
import { runProgram } from "../../src/program.ts";
import { Keyring } from "../../src/host/keyring.ts";
import { MemorySocket } from "../support/memory_socket.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import {
  type Api,
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  GROUP,
} from "../support/cloud/cloud_fixture.ts";
import type { SimInstance } from "../support/cloud/model.ts";

/** Port of the nodes; no real socket uses it. */
export const PORT = 12_345;

/** A rule that allows heartbeats between the members of the group. */
export const OPEN = {
  direction: "ingress",
  protocol: "udp",
  ports: [PORT, PORT],
  group: GROUP,
} as const;

/** A peer's behaviour: it answers, hears nothing, uses the original's format, or a custom one. */
export type Behaviour =
  | "answers"
  | "not-hearing-us"
  | "original"
  | "silent"
  | Partial<Trailer & Result>;
interface Result {
  readonly id: string;
  readonly elasticIp: string;
  /** Another Elastic IP that it watches, too. */
  readonly also: string;
  /** The address from which its heartbeats come, if not its own. */
  readonly from: string;
}

/** A socket on which peers answer, and also send by themselves. */
function socketTo(
  peers: readonly (readonly [SimInstance, Behaviour])[],
  { api, keyring }: { api: Api; keyring: Keyring | null },
): MemorySocket {
  const behaviours = new Map(peers.map((peer) => [peer[0].address, peer]));
  const socket = new MemorySocket({ onSent: ({ to }) => speak(to, true) });
  const speak = (address: string, heard: boolean) => {
    const [instance, behaviour] = behaviours.get(address) ?? [null, "silent"];
    if (instance === null || behaviour === "silent") return;
    const own = typeof behaviour === "object" ? behaviour : {};
    const { id, elasticIp = ELASTIC_IP, also, from = address, ...flags } = own;
    const trailer: Trailer = {
      holds: false,
      leaving: false,
      unable: false,
      unhealthy: false,
      ownPriority: 10,
      intervalMs: 200,
      keyId: keyring?.keyId ?? 0,
      sequence: Date.now(),
      stamp: keyring ? { run: 1n, echo: null } : null,
      hearsYou: heard && behaviour !== "not-hearing-us",
      ...flags,
    };
    const arrive = (bytes: Uint8Array) => socket.receive({ bytes, from, fromPort: PORT });
    for (const about of also === undefined ? [elasticIp] : [elasticIp, also]) {
      const bytes = encode({
        priority: 10,
        elasticIp: about,
        id: id ?? (api === "v2" ? instance.id : instance.nicId),
        trailer: behaviour === "original" ? null : trailer,
      });
      if (keyring) keyring.sign(bytes, arrive);
      else arrive(bytes);
    }
  };
  for (const address of behaviours.keys()) speak(address, false);
  return socket;
}

/** How a machine differs from a healthy one. */
export interface Faults {
  readonly api?: Api;
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: Partial<Host>;
  /** The behaviour of the second and the third machine. */
  readonly peers?: readonly [Behaviour, Behaviour];
  /** Makes the peers those of the security group. */
  readonly source?: readonly string[];
  /** Arguments instead of -i. */
  readonly identity?: readonly string[];
  readonly endpoint?: string;
  /** Secret with which the peers sign. */
  readonly peersSecret?: string;
}

/** The result. */
export interface Diagnosis {
  readonly code: number;
  readonly lines: readonly string[];
  /** Lines of one check, without its name. */
  of(check: string): string[];
  readonly sent: MemorySocket["sent"];
  /** The addresses that heartbeats should leave from. */
  readonly from: readonly string[];
}

/** A fixture without problems: rules exist, no node holds. */
export function healthyFixture(): CloudFixture {
  const fixture = new CloudFixture();
  fixture.model.rules.set(GROUP, [OPEN]);
  return fixture;
}

/** Examines the first machine of the fixture. */
export async function examine(fixture: CloudFixture, faults: Faults = {}): Promise<Diagnosis> {
  const { api = "v2", argv = [], env = {}, peers = ["answers", "answers"] } = faults;
  const { source = ["-G", GROUP], identity = ["-i", fixture.self.id] } = faults;
  const { endpoint = fixture.server.endpoint(api) } = faults;
  const keyring = faults.peersSecret === undefined ? null : await Keyring.of([faults.peersSecret]);
  const socket = socketTo([[fixture.peer, peers[0]], [fixture.third, peers[1]]], {
    api,
    keyring,
  });
  const lines: string[] = [];
  const missing = (what: string) => Promise.reject(new Deno.errors.NotFound(what));
  const host: Host = {
    env: { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET, ...env },
    os: "linux",
    clock: fixture.clock,
    random: Math.random,
    signals: { listen: () => () => {} },
    machine: { root: "", fetch: missing, readTextFile: missing, run: missing },
    pidFiles: { claim: missing, owner: () => null, tellToStop() {} },
    controlSockets: { open: missing, ask: missing },
    stateFiles: { write: missing, remove: missing },
    isCordoned: () => missing("node"),
    uid: () => 0,
    serviceManager: null,
    fetch: cloudFetch,
    fetchWithAuthorities: () => cloudFetch,
    printed: () => Promise.resolve(null),
    print: (_, line) => void lines.push(...line.split("\n")),
    readTextFile(path) {
      throw new Deno.errors.NotFound(path);
    },
    fileMode: () => null,
    runCommand: ([program]) => missing(`${program}`),
    privileges: { keepOnly() {} },
    terminal: false,
    serveStatus() {
      throw new Error("nobody asks for it");
    },
    // Any other port is only tried.
    openSocket: (_, port) => port === 0 ? new MemorySocket() : socket,
    openLog: () => ({
      kind: "stdout",
      needsRight: false,
      format: "text",
      setLevel() {},
      write() {},
      flush: () => Promise.resolve(),
    }),
    interfaces: () => [
      { name: "lo", address: ELASTIC_IP },
      { name: "eth0", address: fixture.self.address },
    ],
    isLocalAddress: () => null,
    lookup: missing,
    nameServers: () => "",
    ...faults.host,
  };
  const common = ["--doctor", "-xi", ELASTIC_IP, ...identity, "-xe", endpoint, ...source];
  const code = await runProgram([...common, "-t", "0.1", ...argv], host);
  const of = (check: string) =>
    lines.filter((line) => line.slice(5).startsWith(`${check} `))
      .map((line) => `${line.slice(0, 5).trim()} ${line.slice(16)}`);
  return { code, lines, of, sent: socket.sent, from: socket.from };
}

/** Examines a changed fixture; returns the lines of one check, with all details. */
export async function linesOf(
  check: string,
  faults: Faults = {},
  harm: (fixture: CloudFixture) => void = () => {},
): Promise<{ code: number; lines: string[]; details: string[] }> {
  await using fixture = healthyFixture();
  harm(fixture);
  const { code, lines, of } = await examine(fixture, faults);
  const details = lines.filter((line) => line.startsWith(" ")).map((line) => line.trim());
  return { code, lines: of(check), details };
}

/** The content of one of our datagrams. */
export function read(bytes: Uint8Array): Exclude<ReturnType<typeof decode>, { refused: unknown }> {
  const heartbeat = decode(bytes);
  if ("refused" in heartbeat) throw new Error(heartbeat.refused);
  return heartbeat;
}
