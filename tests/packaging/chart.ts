// The Helm chart in tests: rendered, checked against the schemas of Kubernetes, and read by exoip.
import { assert, assertEquals } from "@std/assert";
import { ExoipProcess } from "../support/process.ts";
import { mustRun, put, runTool, shipped } from "./requirements.ts";
import { type Node, yamlDocuments } from "./yaml.ts";

export const CHART: string = shipped("helm/exoip");
export const HELM = { tools: ["helm (go install helm.sh/helm/v3/cmd/helm@v3.22.0)"] } as const;
export const VALIDATE = {
  tools: [...HELM.tools, "kubernetes-validate (kubernetes-validate of PyPI)", "python3 (python3)"],
} as const;
const VERSION = ["--kube-version", "1.37.0"], KUBERNETES = ["1.29", "1.33", "1.37"];

export const KEY = { key: "EXOkey", secret: "LZsecret" } as const;

/** Writes the values to a file. JSON is YAML. */
export async function valuesIn(folder: string, values: unknown): Promise<string> {
  const path = `${folder}/values.json`;
  await put(path, JSON.stringify(values));
  return path;
}

/** What Helm makes of the values, read; the text is in FOLDER/rendered.yaml. */
export async function render(folder: string, values: unknown, chart = CHART): Promise<Node[]> {
  const file = await valuesIn(folder, values);
  const args = ["template", "exoip", chart, "--namespace", "exoip", "--values", file];
  await mustRun(["helm", ...args, ...VERSION, "--output-dir", `${folder}/out`]);
  const text = [];
  for await (const { name } of Deno.readDir(`${folder}/out/exoip/templates`)) {
    text.push(await Deno.readTextFile(`${folder}/out/exoip/templates/${name}`));
  }
  await Deno.remove(`${folder}/out`, { recursive: true });
  await put(`${folder}/rendered.yaml`, text.join("\n"));
  return await yamlDocuments(`${folder}/rendered.yaml`);
}

/** What Helm says of values that it must refuse. */
export async function refusal(folder: string, values: unknown): Promise<string> {
  const file = await valuesIn(folder, values);
  const { code, text } = await runTool(["helm", "template", CHART, "-f", file, ...VERSION]);
  assert(code !== 0, text);
  return text;
}

/** Checks documents against the schemas of three versions of Kubernetes, which do not know those of Prometheus. */
export async function validate(folder: string, documents: readonly Node[]): Promise<void> {
  const known = documents.filter(({ apiVersion }) => !/^monitoring/.test(apiVersion));
  const paths = await Promise.all(known.map(async (document, at) => {
    await put(`${folder}/${at}.yaml`, JSON.stringify(document));
    return `${folder}/${at}.yaml`;
  }));
  for (const version of KUBERNETES) {
    const said = await mustRun(["kubernetes-validate", "--strict", "-k", version, ...paths]);
    assertEquals([...said.matchAll(/passed for resource/g)].length, known.length, said);
  }
}

/** The first document of that kind, and of that name if one is given. */
export function ofKind(documents: readonly Node[], kind: string, name?: string): Node {
  return documents.find((each) =>
    each.kind === kind && (name === undefined || each.metadata.name === name)
  );
}

/** The environment of a pod of that DaemonSet on a node at 127.0.0.1. */
export function environmentOf(documents: readonly Node[]): Record<string, string> {
  const [container] = ofKind(documents, "DaemonSet").spec.template.spec.containers;
  const env: Record<string, string> = { ...ofKind(documents, "ConfigMap").data };
  const secret = ofKind(documents, "Secret", "exoip")?.stringData ?? {};
  const fromNode: Record<string, string> = { "status.hostIP": "127.0.0.1" };
  for (const { name, value, valueFrom } of container.env) {
    const text = value ?? secret[valueFrom.secretKeyRef?.key] ??
      fromNode[valueFrom.fieldRef?.fieldPath] ?? KEY.key;
    env[name] = text.replace("$(NODE_ADDRESS)", env.NODE_ADDRESS ?? "");
  }
  return env;
}

/** Lines of `exoip --print-config` in such a pod, by name. */
export async function configurationOf(
  folder: string,
  documents: readonly Node[],
): Promise<Map<string, string>> {
  const [container] = ofKind(documents, "DaemonSet").spec.template.spec.containers;
  const variables = Object.entries(environmentOf(documents)).map(([name, value]) =>
    [name, value.replace("/run/secrets/exoip", folder)] as const
  );
  await put(`${folder}/api-secret`, KEY.secret, 0o600);
  await put(`${folder}/shared-secret`, "sixteen bytes and more", 0o600);
  const id = "11111111-2222-4333-8444-555555555555";
  const where = ["-i", id, "--zone", "ch-gva-2", "--print-config"];
  const env = Object.fromEntries(variables);
  const process = new ExoipProcess([...container.args, ...where], { env });
  assertEquals(await process.ended(), 0, process.output);
  const lines = process.lines.map(({ text }) => /^#? ?(\S+) = (.*?) +# (.*)$/.exec(text));
  return new Map(
    lines.flatMap((line) =>
      line === null ? [] : [[line[1] ?? "", line[2]?.replace(folder, "DIR") ?? ""]]
    ),
  );
}
