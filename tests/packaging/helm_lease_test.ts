// The chart with a lease: what it renders, and what it refuses.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { blocksOf, textOf } from "../docs/markdown.ts";
import {
  CHART,
  environmentOf,
  HELM,
  KEY,
  ofKind,
  refusal,
  render,
  VALIDATE,
  validate,
  valuesIn,
} from "./chart.ts";
import { inFolder, machineTest, mustRun, put } from "./requirements.ts";

const STORE = "etcd:https://10.0.0.1:2379,https://10.0.0.2:2379";
const LEAST = { elasticIPs: ["198.51.100.50"], apiKey: KEY };
const CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

/** What a user may write for a lease, with the files of the pod: variable, name, secret and entry. */
const LEASES: ReadonlyArray<readonly [string, Record<string, string>, readonly string[]]> = [
  ["an etcd without users", { store: STORE }, []],
  ["a secret with password and authority", {
    store: STORE,
    user: "exoip",
    existingSecret: "etcd",
    caField: "authority",
  }, [
    "IF_LEASE_PASSWORD_FILE password etcd password",
    "IF_CA_FILE ca.pem etcd authority",
  ]],
  ["a secret of cert-manager, too", {
    store: STORE,
    user: "exoip",
    existingSecret: "etcd",
    passwordField: "PASSWORD",
    certificateSecret: "etcd-client",
    caField: "ca.crt",
    certField: "tls.crt",
    keyField: "tls.key",
  }, [
    "IF_LEASE_PASSWORD_FILE password etcd PASSWORD",
    "IF_CA_FILE ca.pem etcd-client ca.crt",
    "IF_LEASE_CERT_FILE cert.pem etcd-client tls.crt",
    "IF_LEASE_KEY_FILE key.pem etcd-client tls.key",
  ]],
  ["a secret that the chart makes", {
    store: STORE,
    user: "exoip",
    password: "correct horse",
    ca: CA,
    cert: CA,
    key: PRIVATE,
  }, [
    "IF_LEASE_PASSWORD_FILE password exoip-lease password",
    "IF_CA_FILE ca.pem exoip-lease ca.pem",
    "IF_LEASE_CERT_FILE cert.pem exoip-lease cert.pem",
    "IF_LEASE_KEY_FILE key.pem exoip-lease key.pem",
  ]],
  ["a password that the chart keeps, beside a secret of cert-manager", {
    store: STORE,
    user: "exoip",
    password: "correct horse",
    certificateSecret: "etcd-client",
    caField: "ca.crt",
  }, [
    "IF_LEASE_PASSWORD_FILE password exoip-lease password",
    "IF_CA_FILE ca.pem etcd-client ca.crt",
  ]],
];

for (const [title, lease, files] of LEASES) {
  machineTest(
    `the chart mounts the files of a lease: ${title}`,
    VALIDATE,
    () =>
      inFolder(async (folder) => {
        const values = { ...LEAST, lease };
        const file = await valuesIn(folder, values);
        await mustRun(["helm", "lint", "--strict", CHART, "--values", file]);
        const documents = await render(folder, values);
        await validate(folder, documents);
        const { volumes, containers: [container] } =
          ofKind(documents, "DaemonSet").spec.template.spec;
        const environment = environmentOf(documents);
        assertEquals(environment.IF_LEASE, STORE);
        assertEquals(environment.IF_LEASE_USER, lease.user);
        const volume = volumes.find(({ name }: { name: string }) => name === "lease")?.projected;
        const mounts = container.volumeMounts.filter(({ name }: { name: string }) =>
          name === "lease"
        );
        const sources: readonly {
          readonly secret: { name: string; items: readonly { key: string; path: string }[] };
        }[] = volume?.sources ?? [];
        const found = sources.flatMap(({ secret: { name, items } }) =>
          items.map(({ key, path }) => {
            const where = `/run/secrets/exoip-lease/${path}`;
            const [variable] = Object.entries(environment).find(([, value]) => value === where) ??
              [];
            return `${variable} ${path} ${name} ${key}`;
          })
        );
        assertEquals(found, files);
        const mount = { name: "lease", mountPath: "/run/secrets/exoip-lease", readOnly: true };
        assertEquals(mounts, files.length === 0 ? [] : [mount]);
        if (volume) assertEquals(volume.defaultMode, 0o440);
        const made = ofKind(documents, "Secret", "exoip-lease")?.stringData ?? {};
        const own = files.filter((each) => each.includes(" exoip-lease "))
          .map((each) => each.split(" ").at(-1));
        assertEquals(Object.keys(made), own);
        if (made.password) assertEquals(made.password, lease.password);
        if (made["key.pem"]) assertEquals(made["key.pem"], PRIVATE);
      }),
  );
}

machineTest(
  "another password or user of the lease restarts the pods, and the notes tell of the lease",
  VALIDATE,
  () =>
    inFolder(async (folder) => {
      const sums = async (change: Record<string, string>) => {
        const lease = { store: STORE, user: "exoip", password: "correct horse", ...change };
        const { template } = ofKind(await render(folder, { ...LEAST, lease }), "DaemonSet").spec;
        return JSON.stringify(template.metadata.annotations);
      };
      const first = await sums({});
      assertEquals(await sums({}), first);
      assert(await sums({ password: "another horse" }) !== first);
      assert(await sums({ user: "exoip-2" }) !== first);

      const chart = `${folder}/chart`;
      await mustRun(["cp", "-rL", CHART, chart]);
      await Deno.rename(`${chart}/templates/NOTES.txt`, `${chart}/notes`);
      await put(
        `${chart}/templates/notes.yaml`,
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: notes }\ndata: { text: {{ tpl (.Files.Get "notes") . | quote }} }\n',
      );
      const notes = async (lease: Record<string, string>) =>
        ofKind(await render(folder, { ...LEAST, lease }, chart), "ConfigMap", "notes").data.text;
      assertMatch(
        await notes({ store: STORE }),
        /^4\. Each node must reach every member of https:\/\/10\.0\.0\.1:2379,.*^ +kubectl -n exoip exec daemonset\/exoip -- \/exoip --doctor -W$/ms,
      );
      assert(!(await notes({})).includes("4."));
    }),
);

machineTest(
  "the values on the page about the chart are complete and understood",
  HELM,
  () =>
    inFolder(async (folder) => {
      const blocks = blocksOf(textOf("docs/set-up/helm.md"), "yaml");
      assertEquals(blocks.length, 2);
      await put(`${folder}/values.yaml`, blocks.join("\n"));
      const version = ["--kube-version", "1.37.0"];
      const text = await mustRun([
        "helm",
        "template",
        CHART,
        "-f",
        `${folder}/values.yaml`,
        ...version,
      ]);
      assertMatch(
        text,
        /IF_LEASE: "etcd:https:.*IF_LEASE_TTL: "10".*key: ca\.crt\n +path: ca\.pem/s,
      );
    }),
);

/** Values that contradict each other, and what the error names. */
const WRONG: ReadonlyArray<readonly [Record<string, unknown>, RegExp]> = [
  [{ lease: { store: "https://10.0.0.1:2379" } }, /\/lease\/store': 'https:.*does not match/],
  [{ lease: { store: "etcd:10.0.0.1:2379" } }, /\/lease\/store'/],
  [{ lease: { store: STORE, ttl: "30" } }, /additional properties 'ttl' not allowed/],
  [{ lease: { user: "exoip" } }, /lease\.user: found no lease\.store, wanted one such as etcd:/],
  [{ lease: { caField: "ca.crt" } }, /lease\.caField: found no lease\.store/],
  [{ options: { IF_LEASE_TTL: "30" } }, /options\.IF_LEASE_TTL: found no lease\.store/],
  [{ lease: { store: STORE }, options: { IF_LEASE: STORE } }, /propertyName 'IF_LEASE'/],
  [
    { lease: { store: STORE }, options: { IF_LEASE_KEY_FILE: "/k" } },
    /propertyName 'IF_LEASE_KEY_FILE'/,
  ],
  [{ lease: { store: STORE }, exclusive: false }, /exclusive: found false and lease\.store/],
  [{ lease: { store: STORE, user: "exoip" } }, /lease\.user: found no password, wanted/],
  [{ lease: { store: STORE, password: "x" } }, /lease\.password: found no lease\.user/],
  [
    { lease: { store: STORE, user: "exoip", password: "x", existingSecret: "etcd" } },
    /lease\.password: found lease\.existingSecret, too, wanted one of them/,
  ],
  [
    { lease: { store: STORE, user: "exoip", password: "a\nb" } },
    /lease\.password: found several lines/,
  ],
  [{ lease: { store: STORE, existingSecret: "etcd" } }, /lease\.existingSecret: found nothing to/],
  [
    { lease: { store: STORE, certificateSecret: "etcd" } },
    /lease\.certificateSecret: found nothing to take from it/,
  ],
  [
    { lease: { store: STORE, existingSecret: "etcd", certField: "tls.crt" } },
    /lease: found a certificate without its key, wanted both/,
  ],
  [{ lease: { store: STORE, key: PRIVATE } }, /lease: found a key without its certificate/],
  [{ lease: { store: STORE, caField: "ca.crt" } }, /lease\.caField: found no secret of yours/],
  [
    { lease: { store: STORE, certificateSecret: "etcd", caField: "ca.crt", ca: CA } },
    /lease\.ca: found lease\.certificateSecret, too, wanted one of them/,
  ],
  [{ lease: { store: STORE, ca: "/etc/ca.pem" } }, /lease\.ca: found another text, wanted a PEM/],
  [
    { lease: { store: STORE, ca: CA }, options: { IF_CA_FILE: "/etc/ca.pem" } },
    /options\.IF_CA_FILE: found an authority in lease, too/,
  ],
];

for (const [change, error] of WRONG) {
  machineTest(
    `the chart refuses ${JSON.stringify(change)}`,
    HELM,
    () =>
      inFolder(async (folder) =>
        assertMatch(await refusal(folder, { ...LEAST, ...change }), error)
      ),
  );
}
