// The Helm chart: linted, rendered, valid for Kubernetes, understood by exoip, and the same as the static manifest.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { packChart } from "../../scripts/package/chart.ts";
import { VERSION } from "../../src/version.ts";
import {
  CHART,
  configurationOf,
  HELM,
  KEY,
  ofKind,
  refusal,
  render,
  VALIDATE,
  validate,
  valuesIn,
} from "./chart.ts";
import { inFolder, machineTest, mustRun, put, runTool, shipped } from "./requirements.ts";
import { type Node, yamlDocuments } from "./yaml.ts";

const STATIC_VALUES = {
  elasticIPs: ["198.51.100.50"],
  apiKey: KEY,
  peers: { from: "group", groups: ["kubernetes"] },
};

/** Value sets that a user may come with. */
const SETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  least: { elasticIPs: ["198.51.100.50"], apiKey: KEY },
  "an existing secret": {
    elasticIPs: ["198.51.100.50"],
    apiKey: { existingSecret: "exoscale", keyField: "EXOSCALE_API_KEY", secretField: "SECRET" },
    sharedSecret: { enabled: true },
  },
  "several addresses, a list of peers": {
    elasticIPs: ["198.51.100.50/5", "198.51.100.51/20", "2001:db8::50"],
    apiKey: KEY,
    peers: { from: "static", addresses: ["203.0.113.11", "203.0.113.12"] },
    exclusive: false,
    priority: 7,
    heartbeatPort: 12350,
    handoverTimeout: 30,
    drainOn: "",
    options: { IF_CHECK: "tcp://127.0.0.1:443", IF_NO_PREEMPT: "true" },
  },
  everything: {
    elasticIPs: ["198.51.100.50"],
    apiKey: KEY,
    sharedSecret: { enabled: true, value: "sixteen bytes and more" },
    peers: { from: "group", groups: ["edge", "web"] },
    image: { repository: "ghcr.io/owner/exoip", digest: `sha256:${"0".repeat(64)}` },
    imagePullSecrets: [{ name: "pull" }],
    status: { port: 9311, listenOn: "node" },
    addressOnNode: false,
    extraEnv: [{ name: "HTTPS_PROXY", value: "http://10.0.0.1:3128" }],
    nodeSelector: { role: "edge" },
    tolerations: [{ operator: "Exists" }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
        },
      },
    },
    podAnnotations: { note: "true" },
    podLabels: { team: "edge" },
    serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
    prometheusRule: { enabled: true },
  },
};

Deno.test("the chart has the version of the program", async () => {
  const text = await Deno.readTextFile(`${CHART}/Chart.yaml`);
  assertEquals(/^version: (.*)$/m.exec(text)?.[1], VERSION);
  assertEquals(/^appVersion: "(.*)"$/m.exec(text)?.[1], VERSION);
});

for (const [title, values] of Object.entries(SETS)) {
  machineTest(`the chart passes helm lint: ${title}`, HELM, () =>
    inFolder(async (folder) => {
      const file = await valuesIn(folder, values);
      await mustRun(["helm", "lint", "--strict", CHART, "--values", file]);
    }));

  machineTest(
    `what the chart renders is valid for three versions of Kubernetes: ${title}`,
    VALIDATE,
    () =>
      inFolder(async (folder) => {
        const documents = await render(folder, values);
        await validate(folder, documents);
        const wrong = JSON.stringify(ofKind(documents, "DaemonSet")).replace("hostNetwork", "host");
        await put(`${folder}/0.yaml`, wrong);
        const command = ["kubernetes-validate", "--strict", "-k", "1.37", `${folder}/0.yaml`];
        assert((await runTool(command)).code !== 0, "the schema is one");
      }),
  );
}

machineTest(
  "with the static manifest's values the chart renders that manifest",
  VALIDATE,
  () =>
    inFolder(async (folder) => {
      const rendered = await render(folder, STATIC_VALUES);
      const manifest = await yamlDocuments(shipped("kubernetes/exoip.yaml"));
      assertEquals(ofKind(rendered, "ConfigMap").data, ofKind(manifest, "ConfigMap").data);
      const comparable = (documents: Node[]) => {
        const { spec } = structuredClone(ofKind(documents, "DaemonSet"));
        const { template } = spec;
        delete template.metadata.annotations;
        for (const labels of [spec.selector.matchLabels, template.metadata.labels]) {
          delete labels["app.kubernetes.io/instance"];
        }
        for (const each of [...template.spec.initContainers, ...template.spec.containers]) {
          delete each.imagePullPolicy;
        }
        const [first] = template.spec.initContainers;
        delete first.envFrom;
        first.command = first.command.map((word: string) =>
          word.replace("$(IF_ADDRESS)", STATIC_VALUES.elasticIPs[0] ?? "")
        );
        return spec;
      };
      assertEquals(comparable(rendered), comparable(manifest));
      const namespace = ofKind(manifest, "Namespace");
      assertEquals(ofKind(rendered, "DaemonSet").metadata.namespace, namespace.metadata.name);
    }),
);

/** What the program must understand of each set. */
const UNDERSTOOD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  least: {
    address: '"198.51.100.50"',
    priority: "10",
    exclusive: "true",
    listen: '":12345"',
    "listen-status": '":12346"',
    "handover-timeout": "10",
    "api-key": "EXOk...",
    "api-secret": "****",
  },
  "an existing secret": {
    "api-key": "EXOk...",
    "api-secret": "****",
    "shared-secret-file": '"DIR/shared-secret"',
  },
  "several addresses, a list of peers": {
    address: '"198.51.100.50/5,198.51.100.51/20,2001:db8::50"',
    peers: '"203.0.113.11,203.0.113.12"',
    priority: "7",
    exclusive: "false",
    listen: '":12350"',
    "handover-timeout": "30",
    check: '["tcp://127.0.0.1:443"]',
    "no-preempt": "true",
  },
  everything: {
    "peer-group": '"edge,web"',
    "listen-status": '"127.0.0.1:9311"',
    "shared-secret-file": '"DIR/shared-secret"',
  },
};

for (const [title, expected] of Object.entries(UNDERSTOOD)) {
  machineTest(
    `exoip understands what the chart renders: ${title}`,
    VALIDATE,
    () =>
      inFolder(async (folder) => {
        const found = await configurationOf(folder, await render(folder, SETS[title]));
        const seen = Object.keys(expected).map((name) => [name, found.get(name)]);
        assertEquals(Object.fromEntries(seen), expected);
      }),
  );
}

machineTest(
  "secrets, image, grace period and probes follow the values",
  VALIDATE,
  () =>
    inFolder(async (folder) => {
      const pod = (documents: Node[]) => ofKind(documents, "DaemonSet").spec.template.spec;
      const existing = await render(folder, SETS["an existing secret"]);
      assertEquals(ofKind(existing, "Secret"), undefined);
      const { secret } = pod(existing).volumes.at(-1);
      assertEquals(secret.secretName, "exoscale");
      assertEquals(secret.items, [
        { key: "SECRET", path: "api-secret" },
        { key: "shared-secret", path: "shared-secret" },
      ]);
      const several = pod(await render(folder, SETS["several addresses, a list of peers"]));
      assertEquals(several.terminationGracePeriodSeconds, 100);
      assertEquals(
        several.initContainers.map(({ command }: Node) => command[3]),
        ["198.51.100.50", "198.51.100.51", "2001:db8::50"],
      );
      const all = await render(folder, SETS.everything);
      const [container] = pod(all).containers;
      assertEquals(pod(all).initContainers, undefined);
      assertEquals(container.image, `ghcr.io/owner/exoip@sha256:${"0".repeat(64)}`);
      assertEquals(container.livenessProbe.httpGet, { port: 9311, path: "/healthz" });
      assertEquals(pod(all).nodeSelector, { exoip: "member", role: "edge" });
      const [endpoint] = ofKind(all, "ServiceMonitor").spec.endpoints;
      assertEquals(endpoint.relabelings, [{ targetLabel: "job", replacement: "exoip" }]);
      const ports = container.ports.map(({ name }: Node) => name);
      assert(ports.includes(ofKind(all, "Service").spec.ports[0].targetPort));
      assertEquals(ofKind(await render(folder, SETS.least), "Service"), undefined);
    }),
);

machineTest(
  "the chart's alerts are those of exoip-rules.yml",
  VALIDATE,
  () =>
    inFolder(async (folder) => {
      const [rules] = await yamlDocuments(shipped("monitoring/exoip-rules.yml"));
      const { spec } = ofKind(await render(folder, SETS.everything), "PrometheusRule");
      assertEquals(spec, rules);
      assert(
        JSON.stringify(spec).includes("{{ $labels.instance }}"),
        "the rules' own templates stay",
      );
    }),
);

/** Changes of the values, and what the error names. */
const WRONG: ReadonlyArray<readonly [Record<string, unknown>, RegExp]> = [
  [{ elasticIPs: [] }, /\/elasticIPs': minItems: got 0, want 1/],
  [{ elasticIPs: ["300.1.1.1"] }, /\/elasticIPs\/0': '300\.1\.1\.1'/],
  [{ elasticIPs: ["198.51.100.50/256"] }, /\/elasticIPs\/0'/],
  [{ elasticIPs: "198.51.100.50" }, /\/elasticIPs': got string, want array/],
  [{ elasticIp: "198.51.100.50" }, /additional properties 'elasticIp' not allowed/],
  [{ apiKey: { secret: "x" } }, /\/apiKey\/key': minLength: got 0, want 1/],
  [{ apiKey: { key: "abc", secret: "x" } }, /\/apiKey\/key': 'abc' does not match/],
  [{ priority: 256 }, /\/priority': maximum: got 256, want 255/],
  [{ priority: "10" }, /\/priority': got string, want integer/],
  [{ peers: { from: "label" } }, /\/peers\/from': value must be one of 'cloud', 'group', 'static'/],
  [{ peers: { from: "group" } }, /\/peers\/groups': minItems: got 0, want 1/],
  [{ peers: { from: "cloud", groups: ["edge"] } }, /\/peers\/groups': maxItems: got 1, want 0/],
  [{ peers: { from: "static", addresses: ["a,b"] } }, /\/peers\/addresses\/0': 'a,b'/],
  [{ heartbeatPort: 0 }, /\/heartbeatPort': minimum: got 0, want 1/],
  [{ handoverTimeout: 601 }, /\/handoverTimeout': maximum: got 601, want 600/],
  [{ image: { digest: "sha256:abc" } }, /\/image\/digest': 'sha256:abc'/],
  [{ options: { IF_ADDRESS: "198.51.100.1" } }, /IF_ADDRESS/],
  [{ options: { IF_CHECK_RISE: 3 } }, /\/options\/IF_CHECK_RISE': got number, want string/],
  [
    { serviceMonitor: { enabled: true } },
    /\/status\/listenOn': value must be one of 'node', 'all'/,
  ],
  [{ sharedSecret: { enabled: true } }, /sharedSecret\.value: found nothing, wanted at least 16/],
  [{ sharedSecret: { enabled: true, value: "short" } }, /\/sharedSecret\/value'/],
];

for (const [change, error] of WRONG) {
  machineTest(
    `the chart refuses ${JSON.stringify(change)}`,
    HELM,
    () =>
      inFolder(async (folder) =>
        assertMatch(await refusal(folder, { ...SETS.least, ...change }), error)
      ),
  );
}

machineTest(
  "the chart's archive renders as the chart does, and is the same each time",
  VALIDATE,
  () =>
    inFolder(async (folder) => {
      const path = await packChart(folder);
      assertEquals(path, `${folder}/exoip-${VERSION}.tgz`);
      const first = await Deno.readFile(path);
      await packChart(folder);
      assertEquals(await Deno.readFile(path), first);
      const values = SETS.everything;
      assertEquals(await render(folder, values, path), await render(folder, values));
      const shown = await mustRun(["helm", "show", "chart", path]);
      assertMatch(shown, new RegExp(`^version: ${VERSION}$`, "m"));
    }),
);
