// User data with a lease: complete and strict, and machines that it sets up get their lease from a real etcd.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Setup, userData } from "../../scripts/package/user_data.ts";
import type { Lease } from "../../scripts/package/user_data_lease.ts";
import { Network } from "../netns/network.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Cluster } from "../support/cluster.ts";
import { Etcd } from "../support/etcd.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { until } from "../support/until.ts";
import { IfupdownMachine, MACHINE } from "./ifupdown_machine.ts";
import { inFolder, machineTest, put, runTool, shipped } from "./requirements.ts";
import { BOOT, boot, installService, UNIT } from "./systemd_machine.ts";
import { yamlDocuments } from "./yaml.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const LEASE: Lease = {
  store: "etcd:https://10.0.0.1:2379,https://10.0.0.2:2379",
  user: "exoip",
  password: "correct horse #1: $x",
  ca: `# Two of them\n${CERTIFICATE}\n${CERTIFICATE}`,
  cert: CERTIFICATE,
  key: CERTIFICATE.replaceAll("CERTIFICATE", "PRIVATE KEY"),
};
const SETUP: Setup = {
  world: "netplan",
  address: "198.51.100.77",
  peerGroup: "",
  apiKey: "EXOkey",
  apiSecret: "LZabc",
  priority: "20",
  url: "file:///out/exoip.deb",
  sha256: "a".repeat(64),
  lease: LEASE,
  options: { IF_LEASE_TTL: "30" },
};
const WORLDS = ["netplan", "ifupdown"] as const;
const ETCD = ["etcd (etcd-server)", "etcdctl (etcd-client)", "python3 (python3)"];

/** A file of the user data. */
interface Written {
  readonly path: string;
  readonly permissions: string;
  readonly content: string;
}

/** The files that cloud-init would write, by their paths. */
async function filesOf(folder: string, text: string): Promise<Map<string, Written>> {
  await put(`${folder}/user-data`, text);
  const [{ write_files: files }] = await yamlDocuments(`${folder}/user-data`);
  return new Map(files.map((file: Written) => [file.path, file]));
}

for (const world of WORLDS) {
  machineTest(
    `the user data for ${world} with a lease is valid, and has its files as they were given`,
    { tools: ["cloud-init (cloud-init)", "python3 (python3)"] },
    () =>
      inFolder(async (folder) => {
        const files = await filesOf(folder, userData({ ...SETUP, world }));
        const schema = ["cloud-init", "schema", "--config-file", `${folder}/user-data`];
        const { code, text } = await runTool(schema);
        assert(code === 0 && /Valid/.test(text), text);
        const of = (name: string) => {
          const { permissions = "", content = "" } = files.get(`/etc/exoip/${name}`) ?? {};
          return [permissions, content];
        };
        assertEquals(of("etcd.password"), ["0600", `${LEASE.password}\n`]);
        assertEquals(of("etcd-key.pem"), ["0600", LEASE.key]);
        assertEquals(of("etcd-cert.pem"), ["0644", LEASE.cert]);
        assertEquals(of("ca.pem"), ["0644", LEASE.ca]);
      }),
  );
}

Deno.test("the user data has only those files of a lease that are given", () => {
  const none = { user: "", password: "", ca: "", cert: "", key: "" };
  for (const world of WORLDS) {
    const text = userData({ ...SETUP, world, lease: { ...LEASE, ...none } });
    assertMatch(text, /^ +(IF_LEASE=|lease )etcd:https:\/\/10\.0\.0\.1:2379,/m);
    assertMatch(text, /^ +(IF_LEASE_TTL=|lease-ttl )30$/m);
    assert(!/password|\.pem|lease\.conf/.test(text), text);
    assert(!/lease|etcd/i.test(userData({ ...SETUP, world, lease: null, options: {} })));
  }
  const { ca } = LEASE;
  const dos = userData({ ...SETUP, lease: { ...LEASE, ca: ca.replaceAll("\n", "\r\n") } });
  assertEquals(dos, userData(SETUP));
});

Deno.test("the service with a lease starts as the unit says, with more options", async () => {
  const start = /^ExecStart=.+$/m.exec(await Deno.readTextFile(shipped(UNIT)))?.[0];
  const [own] = /ExecStart=\/.+$/m.exec(userData(SETUP)) ?? [];
  assert(start && own?.startsWith(`${start} --lease-password-file `), own);
});

Deno.test("userData() takes plain values of a lease only", () => {
  const wrong: ReadonlyArray<readonly [Partial<Lease>, string]> = [
    [{ store: "" }, 'lease, store: found "", wanted etcd:https://HOST:2379'],
    [{ store: "https://10.0.0.1:2379" }, "lease, store: found"],
    [{ store: "etcd:https://10.0.0.1:2379\nIF_ADDRESS=1.2.3.4" }, "lease, store: found"],
    [{ store: "etcd:https://user:secret@10.0.0.1:2379" }, "lease, store: found"],
    [{ user: "a b" }, "lease, user: found"],
    [{ user: "" }, "found only one of user and password, wanted both"],
    [{ password: "" }, "found only one of user and password, wanted both"],
    [{ password: "two\nlines" }, "lease, password: found something else, wanted a password"],
    [{ password: " x" }, "lease, password: found something else"],
    [{ ca: "/etc/ca.pem" }, "lease, ca: found something else, wanted a PEM file"],
    [{ ca: "a\n\nb" }, "lease, ca: found something else"],
    [{ ca: `${CERTIFICATE}\u0007` }, "lease, ca: found something else"],
    [{ cert: LEASE.key }, "lease, cert: found something else, wanted a PEM file"],
    [{ key: CERTIFICATE }, "lease, key: found something else, wanted a PEM file"],
    [{ key: "" }, "found only one of cert and key, wanted both"],
  ];
  for (const [values, message] of wrong) {
    const setup = { ...SETUP, lease: { ...LEASE, ...values } };
    const error = assertThrows(() => userData(setup), Error, message);
    assert(!error.message.includes("correct horse"), error.message);
  }
  const stray: ReadonlyArray<readonly [Record<string, string>, string]> = [
    [{ IF_LEASE_USER: "x" }, "IF_LEASE_USER: wanted a variable that has no value of its own here"],
    [{ IF_CA_FILE: "/x" }, "IF_CA_FILE: wanted a variable"],
    [{ IF_ADDRESS: "1.2.3.4" }, "IF_ADDRESS: wanted a variable"],
    [{ "IF_LEASE_TTL=3\nIF_X": "1" }, "wanted a variable"],
    [{ IF_LEASE_TTL: "30\nIF_X=1" }, "IF_LEASE_TTL: found"],
    [{ IF_CHECK: "exec:a b" }, "IF_CHECK: found"],
  ];
  for (const [options, message] of stray) {
    assertThrows(() => userData({ ...SETUP, options }), Error, message);
  }
  assertThrows(() => userData({ ...SETUP, lease: null }), Error, "IF_LEASE_TTL: found no lease");
});

machineTest(
  "the command that makes user data reads the files of a lease",
  {},
  () =>
    inFolder(async (folder) => {
      const script = new URL("../../scripts/package/user_data.ts", import.meta.url).pathname;
      for (const name of ["ca", "cert", "key"] as const) {
        await put(`${folder}/${name}`, LEASE[name]);
      }
      const run = async (...args: string[]) => {
        const setup = [`address=${SETUP.address}`, "api-key=EXOkey", "api-secret=LZabc"];
        const rest = ["priority=20", `url=${SETUP.url}`, `sha256=${SETUP.sha256}`];
        const deno = [Deno.execPath(), "run", "--quiet", "--allow-read", script, "netplan"];
        return await runTool([...deno, ...setup, ...rest, ...args]);
      };
      const files = ["ca", "cert", "key"].map((name) => `lease-${name}-file=${folder}/${name}`);
      const login = ["lease-user=exoip", `lease-password=${LEASE.password}`];
      const given = [`lease=${LEASE.store}`, ...login, ...files, "IF_LEASE_TTL=30"];
      assertEquals((await run(...given)).text, userData(SETUP));
      const { code, text } = await run(...login);
      assertEquals([code, text], [1, "user-data: lease=... is missing beside lease-user\n"]);
    }),
);

/** An etcd on a machine of that network, whose users log in and whose clients need certificates. */
async function etcdOn(network: Pick<Network, "address" | "wrap">): Promise<[Etcd, Lease]> {
  const login = { user: "exoip", password: LEASE.password };
  const etcd = await Etcd.start({
    machines: [{ address: network.address(1), wrap: network.wrap(1) }],
    tls: "mutual",
    auth: { ...login, prefix: "/exoip/" },
  });
  const { authority, client } = etcd.tls!;
  const ca = authority.caCert + CLOUD_AUTHORITY;
  return [etcd, { store: `etcd:${etcd.endpoints.join()}`, ...login, ca, ...client }];
}

/** What the program says of a file that others may read or write. */
const DOUBT = /everybody on this machine|others may|belongs to another user/;

/** The service holds; then what it can reach of the files, and its stop. */
const PROBE = `
for try in $(seq 600); do
  systemctl show exoip -p StatusText --value | grep 'is attached$' && break
  sleep 0.1
done
tr '\\0' ' ' </proc/$(systemctl show exoip -p MainPID --value)/cmdline; echo
stat -c '%a %U %n' /etc/exoip/*
systemctl stop exoip
systemctl --force exit
sleep 9
`;

machineTest(
  "under a real systemd the user data for netplan gives the service its lease",
  { ...BOOT, tools: [...BOOT.tools ?? [], ...ETCD] },
  () =>
    inFolder(async (folder) => {
      const network = await Network.create(1);
      const cluster = new Cluster({ place: network, count: 1 });
      const [etcd, lease] = await etcdOn(network);
      try {
        const { instance } = cluster.node(1);
        const files = await filesOf(
          folder,
          userData({
            ...SETUP,
            address: cluster.address.ip,
            apiKey: SIM_KEY,
            apiSecret: SIM_SECRET,
            lease,
            options: {
              IF_EXOSCALE_API_ENDPOINT: cluster.server.endpoint("v2"),
              IF_EXOSCALE_INSTANCE_ID: instance.id,
              IF_EXOSCALE_PEERS: instance.address,
            },
          }),
        );
        await installService(folder, PROBE);
        // The test's systemd looks for units elsewhere.
        for (const { path, permissions, content } of files.values()) {
          const place = path.replace("/etc/systemd/system/", "/../units/");
          await put(`${folder}/root${place}`, content, Number.parseInt(permissions, 8));
        }
        const seen = await boot(folder, network);
        const log = await Deno.readTextFile(`${folder}/log`);
        assertMatch(seen, /^master \(alone\), .* is attached$/m, log);
        assertMatch(seen, /--lease-password-file \/run\/credentials\/exoip\.service\/lease-passw/);
        for (const name of ["etcd.password", "etcd-key.pem", "secret"]) {
          assertMatch(seen, new RegExp(`^600 root /etc/exoip/${name}$`, "m"));
        }
        assertMatch(log, /lease-acquired/);
        assert(!DOUBT.test(log), log);
        const held = cluster.server.model.history.map(({ holders }) => holders.length);
        assertEquals([...new Set(held)], [1, 0], "attached and detached");
        assertEquals(await etcd.get(`/exoip/${cluster.address.ip}/holder`), null, "given back");
      } finally {
        await etcd[Symbol.asyncDispose]();
        await cluster.close();
        await network.close();
      }
    }),
);

machineTest(
  "with the real ifup the stanza of the user data gets its lease",
  { ...MACHINE, tools: [...MACHINE.tools ?? [], ...ETCD] },
  () =>
    inFolder(async (folder) => {
      const machine = await IfupdownMachine.create({ hooks: true });
      try {
        const { cluster, network } = machine;
        const [etcd, lease] = await etcdOn(network);
        await using _ = etcd;
        const address = cluster.address.ip;
        const text = userData({ ...SETUP, world: "ifupdown", address, peerGroup: "edge", lease });
        const files = await filesOf(folder, text);
        for (const { path, permissions, content } of files.values()) {
          // The machine has a secret already, and no folder /etc/exoip.
          if (!/^\/etc\/exoip\/(?!secret$)/.test(path)) continue;
          const place = path.replace("/etc/exoip", machine.folder);
          await put(place, content, Number.parseInt(permissions, 8));
        }
        const stanza = files.get("/etc/network/interfaces.d/51-exoip.cfg")?.content ?? "";
        await machine.configure(stanza.replaceAll("/etc/exoip", machine.folder));
        await machine.run("ifup lo:1");
        await until(() => cluster.address.holders.size === 1, { title: "it holds" });
        const owner = await etcd.get(`/exoip/${address}/holder`);
        assertMatch(owner?.value ?? "", new RegExp(machine.node.instance.id));
        await machine.run("ifdown lo:1");
        assertEquals(cluster.address.holders.size, 0);
        assertEquals(await etcd.get(`/exoip/${address}/holder`), null);
      } finally {
        await machine.close();
      }
    }),
);
